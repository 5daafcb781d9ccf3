Up = erlang:monotonic_time() - erlang:system_info(start_time),
["uptime " ++ Int(erlang:convert_time_unit(Up, native, second))]
