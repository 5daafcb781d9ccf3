%% Bindings of queues and of other exchanges belong to those.
All = rabbit_binding:list_explicit(),
Capped("binding", [{V, S, D} || {binding, {resource, V, exchange, S}, _, {resource, _, exchange, D}, _} <- All,
                                not Own(S), not Own(D)],
       fun({V, S, D}) -> Text(V) ++ " " ++ Text(S) ++ " " ++ Text(D) end)
