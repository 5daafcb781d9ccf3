Start = erlang:system_info(start_time) + erlang:time_offset(),
["started " ++ Int(erlang:convert_time_unit(Start, native, second))]
