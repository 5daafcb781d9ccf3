%% Eight numbers, in the order of facts::HoldingCounts: queues, the messages in them, virtual hosts, users, policies, exchanges,
%% parameters, bindings between predeclared exchanges; `unknown` if one cannot be counted. Excludes the defaults of a blank node.
%% Counts the same things as the probe's facts for the plan. On a node that runs alone every queue is an only copy.
Own = fun(<<>>) -> false; (<<"amq.", _/binary>>) -> false; (_) -> true end,
OfCluster = [Name(Q) || Q <- All],
Whole = maps:merge(Counted([Q || Q <- All, not maps:is_key(Name(Q), Counts)], 3000), Counts),
Silent = [N || N <- OfCluster, not maps:is_key(N, Whole)],
Messages = case Silent of [] -> lists:sum(maps:values(Whole)); _ -> unknown end,
Names = [proplists:get_value(user, U) || U <- rabbit_auth_backend_internal:list_users()],
Topics = [proplists:get_value(user, P) || P <- rabbit_auth_backend_internal:list_topic_permissions()],
Users = [N || N <- Names, N =/= <<"guest">> orelse lists:member(N, Topics)],
Exchanges = [E || {resource, _, exchange, E} <- [element(2, R) || R <- rabbit_exchange:list()], Own(E)],
Theirs = [cluster_name, cluster_tags, internal_cluster_id, imported_definition_hash_value, rabbitup_definitions],
Global = [N || P <- rabbit_runtime_parameters:list_global(), N <- [proplists:get_value(name, P)], not lists:member(N, Theirs)],
Scoped = [P || P <- rabbit_runtime_parameters:list(), proplists:get_value(component, P) =/= <<"operator_policy">>],
Bindings = [S || {binding, {resource, _, exchange, S}, _, {resource, _, exchange, D}, _}
                     <- rabbit_binding:list_explicit(),
                 not Own(S), not Own(D)],
Policies = rabbit_policy:list() ++ rabbit_policy:list_op(),
Lists = [Vhosts() -- [<<"/">>], Users, Policies, Exchanges, Global ++ Scoped, Bindings],
Word = fun(unknown) -> "unknown"; (C) -> integer_to_list(C) end,
lists:join(" ", [Word(C) || C <- [length(OfCluster), Messages | [length(L) || L <- Lists]]])
