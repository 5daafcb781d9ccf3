%% The members of the cluster, with the functions of 3.13 or older ones.
Members = fun() -> try rabbit_nodes:list_members() catch error:undef -> rabbit_mnesia:cluster_nodes(all) end end,
