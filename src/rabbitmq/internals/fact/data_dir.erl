["data_dir " ++ Text(Either([{rabbit, data_dir, []}, {rabbit_mnesia, dir, []}]))]
    ++ [Key ++ " " ++ Text(Of) || {Key, App} <- [{"quorum_dir", ra}, {"stream_dir", osiris}], {ok, Of} <- [application:get_env(App, data_dir)]]
