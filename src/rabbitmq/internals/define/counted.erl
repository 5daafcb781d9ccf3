%% The number of messages in a queue: ready and unacknowledged, as counted now by the queue's process. Used both for what a plan
%% shows and for what a step checks. All queues are asked in parallel and have Patience milliseconds together; a queue that does
%% not answer, or whose virtual host is down, is not in the result: unknown is never zero.
%%
%% Counted(Queues, Patience) gives #{Name => Messages} for records of queues (amqqueue).
Counted = fun(All, Patience) ->
    End = erlang:monotonic_time(millisecond) + Patience,
    %% Only connected nodes: trying others takes seconds each.
    Reached = fun(At) -> lists:member(At, [node() | nodes()]) end,
    Left = fun() -> max(0, End - erlang:monotonic_time(millisecond)) end,
    %% The message that rabbit_amqqueue:info/2 sends, without waiting in between. No process per queue: each would copy all
    %% variables.
    Ask = fun(Pid) ->
        Ref = erlang:monitor(process, Pid),
        Pid ! {'$gen_call', {self(), Ref}, {info, [messages]}},
        Ref
    end,
    Asked = [{amqqueue:get_name(Q), Ask(amqqueue:get_pid(Q))}
        || Q <- All, amqqueue:get_type(Q) =:= rabbit_classic_queue, is_pid(amqqueue:get_pid(Q)), Reached(node(amqqueue:get_pid(Q)))],
    Answer = fun(Ref) ->
        receive
            {Ref, {ok, [{messages, N}]}} when is_integer(N) -> erlang:demonitor(Ref, [flush]), [N];
            {Ref, _} -> erlang:demonitor(Ref, [flush]), [];
            {'DOWN', Ref, process, _, _} -> []
        after Left() -> []
        end
    end,
    Classic = [{Name, N} || {Name, Ref} <- Asked, N <- Answer(Ref)],
    %% Ra expects a function up to version 2, and its name since 3.
    Query = fun(Server) ->
        case catch ra:leader_query(Server, fun rabbit_fifo:query_messages_total/1, min(500, Left())) of
            {ok, {_, N}, _} when is_integer(N) -> [N];
            _ ->
                case catch ra:leader_query(Server, {rabbit_fifo, query_messages_total, []}, min(500, Left())) of
                    {ok, {_, N}, _} when is_integer(N) -> [N];
                    _ -> []
                end
        end
    end,
    Quorum = [{amqqueue:get_name(Q), N}
        || Q <- All, amqqueue:get_type(Q) =:= rabbit_quorum_queue, {_, At} = Server <- [amqqueue:get_pid(Q)], Reached(At), Left() > 0,
           N <- Query(Server)],
    Stream = [{amqqueue:get_name(Q), N}
        || Q <- All, amqqueue:get_type(Q) =:= rabbit_stream_queue, is_pid(amqqueue:get_pid(Q)), Reached(node(amqqueue:get_pid(Q))), Left() > 0,
           [{messages, N}] <- [catch rabbit_amqqueue:info(Q, [messages])], is_integer(N)],
    maps:from_list(Classic ++ Quorum ++ Stream)
end,
