%% Before 3.12 all nodes share one table. Its record is {listener, Node, Protocol, Host, Address, Port, Options}.
Prefix = case application:get_env(rabbitmq_management, path_prefix) of
    {ok, P} -> ["path_prefix " ++ Text(P)];
    undefined -> []
end,
["listener " ++ atom_to_list(element(3, L)) ++ " " ++ inet:ntoa(element(5, L)) ++ " " ++ Int(element(6, L))
    || L <- rabbit_networking:node_listeners(node())] ++ Prefix
