%% Operator policies are among them, and policies are not; those that belong to no virtual host are listed apart.
%% What every node sets by itself, and the mark of our own, do not count.
Theirs = [cluster_name, cluster_tags, internal_cluster_id, imported_definition_hash_value, rabbitup_definitions],
Global = [{global, N} || P <- rabbit_runtime_parameters:list_global(),
                         N <- [proplists:get_value(name, P)], not lists:member(N, Theirs)],
Scoped = [P || P <- rabbit_runtime_parameters:list(),
               proplists:get_value(component, P) =/= <<"operator_policy">>],
Capped("parameter", Global ++ Scoped,
       fun({global, N}) -> Text("global") ++ " " ++ Text("") ++ " " ++ Text(N);
          (P) -> Text(proplists:get_value(component, P)) ++ " " ++ Within(P)
       end)
