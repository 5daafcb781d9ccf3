%% Those of queues and of exchanges of one's own go with them.
All = rabbit_binding:list_explicit(),
Capped("binding", [{V, S, D} || {binding, {resource, V, exchange, S}, _, {resource, _, exchange, D}, _} <- All,
                                not Own(S), not Own(D)],
       fun({V, S, D}) -> Text(V) ++ " " ++ Text(S) ++ " " ++ Text(D) end)
