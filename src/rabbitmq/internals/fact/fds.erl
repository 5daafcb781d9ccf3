["fds " ++ Int(lists:max([N || {max_fds, N} <- lists:flatten(erlang:system_info(check_io))]))]
