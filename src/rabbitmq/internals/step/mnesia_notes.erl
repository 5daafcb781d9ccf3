%% The contents of a node's two cluster status files, one line each: the members with the disc nodes among them, and the running
%% nodes.
io_lib:format("{~0p,~0p}.~n~0p.~n", [rabbit_mnesia:cluster_nodes(all), rabbit_mnesia:cluster_nodes(disc), rabbit_mnesia:cluster_nodes(running)])
