%% What a join would wipe, counted on the node itself at the last moment: queues, the messages in them, virtual hosts, users,
%% policies, exchanges, parameters, bindings between predeclared exchanges. The defaults of a blank node do not count. The
%% same things as node.erl lists for the plan, and in the order of facts::HoldingCounts.
Own = fun(<<>>) -> false; (<<"amq.", _/binary>>) -> false; (_) -> true end,
Khepri = try rabbit_khepri:is_enabled() catch error:undef -> code:which(rabbit_mnesia) =:= non_existing end,
%% Queues of a virtual host that does not run stand in the second table only.
Durable = try false = Khepri, mnesia:dirty_all_keys(rabbit_durable_queue) catch _:_ -> [] end,
Queues = lists:usort(rabbit_amqqueue:list_names() ++ Durable),
Messages = case length(Queues) =< 200 of
    true -> lists:sum([case rabbit_amqqueue:lookup(R) of
                {ok, Q} -> case rpc:call(node(), rabbit_amqqueue, stat, [Q], 500) of {ok, N, _} -> N; _ -> 0 end;
                _ -> 0
            end || R <- Queues]);
    false -> 0
end,
Names = [proplists:get_value(user, U) || U <- rabbit_auth_backend_internal:list_users()],
Topics = [proplists:get_value(user, P) || P <- rabbit_auth_backend_internal:list_topic_permissions()],
Users = [N || N <- Names, N =/= <<"guest">> orelse lists:member(N, Topics)],
Vhosts = try rabbit_vhost:list_names() catch error:undef -> rabbit_vhost:list() end -- [<<"/">>],
Exchanges = [X || {resource, _, exchange, X} <- [element(2, E) || E <- rabbit_exchange:list()], Own(X)],
Theirs = [cluster_name, cluster_tags, internal_cluster_id, imported_definition_hash_value, rabbitup_definitions],
Global = [N || P <- rabbit_runtime_parameters:list_global(), N <- [proplists:get_value(name, P)], not lists:member(N, Theirs)],
Scoped = [P || P <- rabbit_runtime_parameters:list(), proplists:get_value(component, P) =/= <<"operator_policy">>],
Bindings = [S || {binding, {resource, _, exchange, S}, _, {resource, _, exchange, D}, _}
                     <- try rabbit_binding:list_explicit() catch error:undef -> [] end,
                 not Own(S), not Own(D)],
Policies = rabbit_policy:list() ++ rabbit_policy:list_op(),
Counts = [length(Queues), Messages | [length(L) || L <- [Vhosts, Users, Policies, Exchanges, Global ++ Scoped, Bindings]]],
lists:flatten(lists:join(" ", [integer_to_list(C) || C <- Counts]))
