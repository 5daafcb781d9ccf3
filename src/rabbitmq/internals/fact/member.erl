%% RAM nodes exist only with Mnesia, and not since 4.3.
Disc = case Khepri() of true -> Members(); false -> rabbit_mnesia:cluster_nodes(disc) end,
["member " ++ case lists:member(N, Disc) of true -> "disc "; false -> "ram " end ++ Node(N) || N <- Members()]
