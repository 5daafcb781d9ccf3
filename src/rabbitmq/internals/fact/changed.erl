%% What `rabbitmqctl set_vm_memory_high_watermark`, `set_disk_free_limit` and `set_log_level` changed: the monitors and the logger have it, and
%% the application's environment keeps what the files say.
Configured = fun(Key) -> {ok, V} = application:get_env(rabbit, Key), V end,
Bytes = fun(V) -> {ok, B} = rabbit_resource_monitor_misc:parse_information_unit(V), B end,
Limit = fun Of({relative, F}) -> Of(F); Of({absolute, V}) -> {bytes, Bytes(V)}; Of(F) -> {fraction, F} end,
Shown = fun({bytes, B}) -> Int(B) ++ " bytes"; ({fraction, F}) -> lists:flatten(io_lib:format("~0p", [F])) end,
Line = fun(Key, Now) -> "changed " ++ Key ++ " " ++ Text(Now) end,
Watermark = Limit(vm_memory_monitor:get_vm_memory_high_watermark()),
Memory = [Line("vm_memory_high_watermark", Shown(Watermark)) || Watermark /= Limit(Configured(vm_memory_high_watermark))],
%% Without a number of free bytes the limit is not watched at all. A limit by memory follows the machine's memory, which may change a little.
Free = rabbit_disk_monitor:get_disk_free_limit(),
Wanted = case Configured(disk_free_limit) of
    {mem_relative, R} -> round(R * vm_memory_monitor:get_total_memory());
    {absolute, A} -> Bytes(A);
    A -> Bytes(A)
end,
Disk = [Line("disk_free_limit", Int(Free) ++ " bytes")
    || is_integer(rabbit_disk_monitor:get_disk_free()), abs(Free - Wanted) * 50 > Wanted],
%% set_log_level sets the primary level and those of all outputs and categories. Before 3.9 the levels are Lager's, which is not asked.
Log = case erlang:function_exported(rabbit_prelaunch_logging, set_log_level, 1) of true -> application:get_env(rabbit, log, []); false -> none end,
Outputs = [{case H of
        #{config := #{type := file}} -> file;
        #{config := #{type := standard_io}} -> console;
        #{config := #{type := standard_error}} -> console;
        #{module := rabbit_logger_exchange_h} -> exchange;
        #{module := systemd_journal_h} -> journald;
        #{module := syslog_logger_h} -> syslog;
        _ -> other
    end, Levels} || is_list(Log), #{filters := Filters} = H <- logger:get_handler_config(), {rmqlog_filter, {_, Levels}} <- Filters, is_map(Levels)],
#{level := Primary} = logger:get_primary_config(),
Level = fun(Under) -> proplists:get_value(level, Under, none) end,
Kinds = [{K, Level(proplists:get_value(K, Log, []))} || {K, #{global := L}} <- Outputs, L =:= Primary],
Categories = [{C, Level(Is)} || is_list(Log), {C, Is} <- proplists:get_value(categories, Log, [])],
Default = proplists:get_value(default, Categories, none),
Levels = [{K, L} || {K, L} <- Kinds, L =/= none]
    ++ [{default, Default} || lists:any(fun({_, L}) -> L =:= none end, Kinds), Default =/= none]
    ++ [{C, L} || {C, L} <- Categories, C =/= default, L =/= none, lists:any(fun({_, Of}) -> maps:get(C, Of, none) =:= Primary end, Outputs)],
IsSame = Outputs =/= [] andalso lists:all(fun({_, Of}) -> lists:all(fun(L) -> L =:= none orelse L =:= Primary end, maps:values(Of)) end, Outputs),
Memory ++ Disk ++ [Line("log." ++ atom_to_list(K) ++ ".level", Primary) || IsSame, {K, L} <- lists:usort(Levels), L =/= Primary]
