%% The members of its cluster according to its local Khepri. A node that waits for the others also reports them.
["known " ++ Node(N) || N <- try rabbit_khepri:locally_known_nodes() catch error:undef -> [] end]
