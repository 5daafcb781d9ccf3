Has = fun(D) -> proplists:is_defined(<<"ha-mode">>, case is_map(D) of true -> maps:to_list(D); _ -> D end) end,
["mirroring " ++ Within(P)
    || P <- rabbit_policy:list() ++ rabbit_policy:list_op(), Has(proplists:get_value(definition, P))]
