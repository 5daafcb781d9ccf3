%% rabbit_plugins:active/0 opens every plugin's archive, which takes 30 to 80 ms; listing running applications is faster.
{ok, File} = application:get_env(rabbit, enabled_plugins_file),
Apps = [A || {A, _, _} <- application:which_applications()],
["plugin " ++ Text(P) || P <- rabbit_plugins:read_enabled(File), lists:member(P, Apps)]
