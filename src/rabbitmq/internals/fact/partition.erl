%% Mnesia's; Khepri has none.
["partition " ++ Node(N) || N <- case Khepri() of true -> []; false -> rabbit_node_monitor:partitions() end]
