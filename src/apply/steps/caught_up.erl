%% Whether the replicas on node X have caught up: "ok N", or "2 of 62: NAME NAME" with the first five that have not, in Base64. The
%% one who asks puts "X = 'rabbit@node1'," before this text. Quorum queues: its Ra server is in service, as a voter where
%% Ra tells (4.0), and has applied what the leader had applied a moment ago. Streams: its offset is what others have
%% committed. Mirrored queues (up to 3.13): RabbitMQ itself counts the mirror as synchronised.
Kinds = [rabbit_quorum_queue, rabbit_stream_queue],
Mine = [{amqqueue:get_name(Q), amqqueue:get_type(Q), amqqueue:get_pid(Q), Replicas(Q)} || Q <- rabbit_amqqueue:list(), lists:member(amqqueue:get_type(Q), Kinds), lists:member(X, Replicas(Q))],
Table = fun(N, M, F, A) -> case rpc:call(N, M, F, A, 1500) of {badrpc, _} -> []; T when is_map(T) -> maps:to_list(T); T -> T end end,
States = maps:from_list([{element(1, T), tl(tuple_to_list(T))} || T <- Table(X, ets, tab2list, [ra_state])]),
Any = fun erlang:is_tuple/1,
Quorum = fun({_, _, {Name, Leader}, Ns}) ->
    Want = LeaderIndex([{Name, N} || N <- [Leader | Ns -- [Leader, X]]] ++ [{Name, X}]),
    Healthy = case maps:get(Name, States, none) of [S] -> lists:member(S, [leader, follower]); [S, voter] -> lists:member(S, [leader, follower]); _ -> false end,
    Healthy andalso is_integer(Want) andalso
        case catch ra:local_query({Name, X}, Any, 400) of {ok, {{I, _}, _}, _} -> I >= Want; _ -> false end
end,
Others = lists:usort(lists:append([Ns || {_, rabbit_stream_queue, _, Ns} <- Mine])) -- [X],
Offsets = [{Q, O} || N <- Others, {{_, Q}, #{committed_offset := O}} <- Table(N, osiris_counters, overview, [])],
Here = maps:from_list([{Q, O} || {{_, Q}, #{offset := O}} <- Table(X, osiris_counters, overview, [])]),
Stream = fun({Q, _, _, _}) -> maps:is_key(Q, Here) andalso maps:get(Q, Here) >= lists:max([-1 | [O || {K, O} <- Offsets, K =:= Q]]) end,
On = fun(Pids) -> lists:member(X, [node(P) || P <- Pids]) end,
Unsynchronised = fun(Q) ->
    try On(amqqueue:get_slave_pids(Q)) andalso not On(amqqueue:get_sync_slave_pids(Q)) catch _:_ -> false end
end,
Mirrors = [element(4, amqqueue:get_name(Q))
    || Q <- rabbit_amqqueue:list(), amqqueue:get_type(Q) =:= rabbit_classic_queue, Unsynchronised(Q)],
Calls = [{element(4, element(1, E)), rpc:async_call(node(), erlang, apply, [case element(2, E) of rabbit_quorum_queue -> Quorum; _ -> Stream end, [E]])} || E <- Mine],
Deadline = erlang:monotonic_time(millisecond) + 2500,
Late = Mirrors ++ [N || {N, Call} <- Calls, rpc:nb_yield(Call, max(0, Deadline - erlang:monotonic_time(millisecond))) =/= {value, true}],
case Late of
    [] -> "ok " ++ integer_to_list(length(Mine));
    _ -> lists:flatten(io_lib:format("~b of ~b: ~s", [length(Late), length(Mine) + length(Mirrors), lists:join(" ", [base64:encode_to_string(N) || N <- lists:sublist(Late, 5)])]))
end
