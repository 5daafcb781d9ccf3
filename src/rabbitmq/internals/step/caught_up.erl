%% "ok N", or "2 of 62: NAME NAME" with the first five queues on node X that have not caught up. Quorum queues: its Ra server is
%% in service, as a voter if Ra reports that (4.0), and has applied everything that the leader had applied a moment ago. Streams:
%% its offset has reached the committed one of others. Mirrored queues (up to 3.13): RabbitMQ reports the mirror as synchronised.
Kinds = [rabbit_quorum_queue, rabbit_stream_queue],
Mine = [{amqqueue:get_name(Q), amqqueue:get_type(Q), amqqueue:get_pid(Q), Replicas(Q)} || Q <- rabbit_amqqueue:list(), lists:member(amqqueue:get_type(Q), Kinds), lists:member(X, Replicas(Q))],
%% A node that is down does not answer; a missing function means that the question is outdated.
Table = fun(N, M, F, A) ->
    case rpc:call(N, M, F, A, 1500) of
        {badrpc, {'EXIT', {undef, Stack}}} -> erlang:raise(error, undef, Stack);
        {badrpc, _} -> [];
        T when is_map(T) -> maps:to_list(T);
        T -> T
    end
end,
States = maps:from_list([{element(1, T), tl(tuple_to_list(T))} || T <- Table(X, ets, tab2list, [ra_state])]),
InService = fun(S) -> lists:member(S, [leader, follower]) end,
Quorum = fun({_, _, {Name, Leader}, Ns}) ->
    Want = LeaderIndex([{Name, N} || N <- [Leader | Ns -- [Leader, X]]] ++ [{Name, X}]),
    Healthy = case maps:get(Name, States, none) of
        none -> false;
        [S] -> InService(S);
        [S, As] when is_atom(As) -> As =:= voter andalso InService(S);
        Unread -> error({not_understood, Unread})
    end,
    Healthy andalso is_integer(Want) andalso
        case try ra:local_query({Name, X}, fun erlang:is_tuple/1, 400) catch exit:Why -> {error, Why} end of
            {ok, {{I, _}, _}, _} when is_integer(I) -> I >= Want;
            {ok, What, _} -> error({not_understood, What});
            _ -> false
        end
end,
Others = lists:usort(lists:append([Ns || {_, rabbit_stream_queue, _, Ns} <- Mine])) -- [X],
Offsets = [{Q, O} || N <- Others, {{_, Q}, #{committed_offset := O}} <- Table(N, osiris_counters, overview, [])],
%% Streams and their module do not exist before 3.9. A node without any counter has no stream yet. If it has counters but none can
%% be read, their format is unknown.
Counters = case [Q || {Q, rabbit_stream_queue, _, _} <- Mine] of [] -> []; _ -> Table(X, osiris_counters, overview, []) end,
Here = maps:from_list([{Q, O} || {{_, {resource, _, _, _} = Q}, #{offset := O}} <- Counters]),
Counters =:= [] orelse Here =/= #{} orelse [R || {{osiris_replica_reader, _, _, _} = R, _} <- Counters] =/= [] orelse error({not_understood, hd(Counters)}),
Stream = fun({Q, _, _, _}) -> maps:is_key(Q, Here) andalso maps:get(Q, Here) >= lists:max([-1 | [O || {K, O} <- Offsets, K =:= Q]]) end,
On = fun(Pids) -> lists:member(X, [node(P) || P <- Pids]) end,
Unsynchronised = fun(Q) ->
    try On(amqqueue:get_slave_pids(Q)) andalso not On(amqqueue:get_sync_slave_pids(Q)) catch error:undef -> false end
end,
Mirrors = [element(4, amqqueue:get_name(Q))
    || Q <- rabbit_amqqueue:list(), amqqueue:get_type(Q) =:= rabbit_classic_queue, Unsynchronised(Q)],
Calls = [{element(4, element(1, E)), rpc:async_call(node(), erlang, apply, [case element(2, E) of rabbit_quorum_queue -> Quorum; _ -> Stream end, [E]])} || E <- Mine],
Deadline = erlang:monotonic_time(millisecond) + 2500,
IsLate = fun(Call) ->
    case rpc:nb_yield(Call, max(0, Deadline - erlang:monotonic_time(millisecond))) of
        {value, true} -> false;
        {value, {badrpc, {'EXIT', {Reason, Stack}}}} -> erlang:raise(error, Reason, Stack);
        _ -> true
    end
end,
Late = Mirrors ++ [N || {N, Call} <- Calls, IsLate(Call)],
case Late of
    [] -> "ok " ++ integer_to_list(length(Mine));
    _ -> io_lib:format("~b of ~b: ~ts", [length(Late), length(Mine) + length(Mirrors), lists:join(" ", lists:sublist(Late, 5))])
end
