Names = [proplists:get_value(user, U) || U <- rabbit_auth_backend_internal:list_users()],
%% guest with topic permissions is no longer a default.
Topics = [proplists:get_value(user, P) || P <- rabbit_auth_backend_internal:list_topic_permissions()],
Capped("user", [N || N <- Names, N =/= <<"guest">> orelse lists:member(N, Topics)], Text)
