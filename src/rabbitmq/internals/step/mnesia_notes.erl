%% What a node's two files of notes say, a line for each: the members with those of them that are disc nodes, and who runs.
io_lib:format("{~0p,~0p}.~n~0p.~n", [rabbit_mnesia:cluster_nodes(all), rabbit_mnesia:cluster_nodes(disc), rabbit_mnesia:cluster_nodes(running)])
