Gather = fun(Of) ->
    Deadline = erlang:monotonic_time(millisecond) + Patience,
    Left = fun() -> max(0, Deadline - erlang:monotonic_time(millisecond)) end,
    Try = fun(Fact) -> fun() -> try Fact() catch Class:Reason:Stack -> Untold(Class, Reason, Stack) end end end,
    Started = [{Key, rpc:async_call(node(), erlang, apply, [Try(Fact), []])} || {Key, Fact} <- Of],
    lists:append([case rpc:nb_yield(Call, Left()) of
                      {value, Found} when is_list(Found) -> Found;
                      {value, {Kind, Words}} when Kind =:= untold; Kind =:= later -> ["failed " ++ Key ++ " " ++ atom_to_list(Kind) ++ " " ++ Text(Words)];
                      {value, Failure} -> ["failed " ++ Key ++ " later " ++ Text(io_lib:format("~0p", [Failure]))];
                      timeout -> ["failed " ++ Key ++ " timeout"]
                  end || {Key, Call} <- Started])
end,
Booted = try Either([{rabbit, is_booted, []}, {rabbit, is_running, []}]) catch _:_ -> false end,
%% Mnesia may have stopped inside a running RabbitMQ because of a full disk: every question would then be answered from an empty
%% database.
Open = try Khepri() orelse mnesia:system_info(is_running) =:= yes catch _:_ -> true end,
Lines = case {Booted, Open} of
    {true, true} -> ["state running" | Gather(Facts)] ++ ["end"];
    {true, false} -> ["state closed", "end"];
    _ -> ["state stopped" | Gather(FactsOfStopped)] ++ ["end"]
end,
