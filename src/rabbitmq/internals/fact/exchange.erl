Names = try rabbit_exchange:list_names() catch error:undef -> [element(2, X) || X <- rabbit_exchange:list()] end,
Capped("exchange", [X || X = {resource, _, exchange, N} <- Names, Own(N)],
       fun({resource, V, exchange, N}) -> Text(V) ++ " " ++ Text(N) end)
