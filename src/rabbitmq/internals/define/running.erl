%% The running members, as this node sees them.
Running = fun() -> try rabbit_nodes:list_running() catch error:undef -> rabbit_mnesia:cluster_nodes(running) end end,
