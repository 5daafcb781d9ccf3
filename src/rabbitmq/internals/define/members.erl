%% The members of the cluster, in 3.13's words or in the older ones.
Members = fun() -> try rabbit_nodes:list_members() catch error:undef -> rabbit_mnesia:cluster_nodes(all) end end,
