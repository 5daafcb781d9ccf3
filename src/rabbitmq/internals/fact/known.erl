%% The members of its cluster, as its own part of Khepri has them. A node that waits for the others tells them, too.
["known " ++ Node(N) || N <- try rabbit_khepri:locally_known_nodes() catch error:undef -> [] end]
