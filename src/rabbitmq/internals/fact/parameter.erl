%% Includes operator policies, but not policies; parameters without a virtual host are listed separately.
%% Excludes parameters that every node sets by itself, and rabbitup's own.
Theirs = [cluster_name, cluster_tags, internal_cluster_id, imported_definition_hash_value, rabbitup_definitions],
Global = [{global, N} || P <- rabbit_runtime_parameters:list_global(),
                         N <- [proplists:get_value(name, P)], not lists:member(N, Theirs)],
Scoped = [P || P <- rabbit_runtime_parameters:list(),
               proplists:get_value(component, P) =/= <<"operator_policy">>],
Capped("parameter", Global ++ Scoped,
       fun({global, N}) -> Text("global") ++ " " ++ Text("") ++ " " ++ Text(N);
          (P) -> Text(proplists:get_value(component, P)) ++ " " ++ Within(P)
       end)
