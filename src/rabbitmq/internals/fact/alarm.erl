[case A of
     {{resource_limit, What, N}, _} -> "alarm " ++ Text(What) ++ " " ++ Node(N);
     {What, _} -> "alarm " ++ Text(io_lib:format("~p", [What]))
 end || A <- rabbit_alarm:get_alarms()]
