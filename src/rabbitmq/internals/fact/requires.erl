%% Plugins of others may name the versions of RabbitMQ that they work with; RabbitMQ does not enable one that does not name its own.
{ok, List} = application:get_env(rabbit, enabled_plugins_file),
Versions = fun(P) ->
    {ok, App, _} = erl_prim_loader:get_file(code:where_is_file(atom_to_list(P) ++ ".app")),
    {ok, Tokens, _} = erl_scan:string(binary_to_list(App)),
    {ok, {application, _, Props}} = erl_parse:parse_term(Tokens),
    proplists:get_value(broker_version_requirements, Props, [])
end,
["requires " ++ Text(P) ++ " " ++ Text(lists:join(" ", Of))
    || P <- rabbit_plugins:read_enabled(List), Of <- [try Versions(P) catch _:_ -> [] end], Of =/= []]
