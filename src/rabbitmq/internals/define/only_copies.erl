%% Queues without a copy on another node, counted at the last moment, on node X itself or, once it is stopped, on a peer. Close:
%% from then on these queues accept, deliver and confirm nothing, until Reopen or the end of the node. Their processes are
%% suspended (sys:suspend/1), so messages published meanwhile wait in the mailbox without a confirm, and the channel rejects them
%% when the process ends. That holds for every publisher (clients of other nodes, shovels, dead-letter exchanges), regardless of
%% policies and arguments. Then they are counted: the count includes everything confirmed before, and nothing is confirmed
%% afterwards. New queues cannot start either, since their supervisors are suspended first. A separate process resumes everything
%% after seven minutes, in case the caller has died and the node still runs.
Late = fun(End) -> max(0, End - erlang:monotonic_time(millisecond)) end,
%% Sends a system message (sys) to many processes, and returns those that answer within three seconds.
Tell = fun(Pids, Message) ->
    Asked = [begin Ref = erlang:monitor(process, P), P ! {system, {self(), Ref}, Message}, {P, Ref} end || P <- Pids],
    End = erlang:monotonic_time(millisecond) + 3000,
    [receive
         {Ref, Said} -> erlang:demonitor(Ref, [flush]), {P, Said};
         {'DOWN', Ref, process, _, _} -> {P, down}
     after Late(End) -> {P, silent}
     end || {P, Ref} <- Asked]
end,
Resume = fun(Pids) -> [P ! {system, {self(), make_ref()}, resume} || P <- Pids] end,
%% The resuming process learns of each process before it is suspended, so nothing stays suspended if a later line fails. The one
%% of an earlier attempt keeps running, since it knows which processes that attempt has suspended.
Hold = fun Wait(Asleep) ->
    receive
        {asleep, More} -> Wait(More ++ Asleep);
        {reopen, From} -> Resume(Asleep), unregister(rabbitup_closed), From ! reopened
    after 420000 -> Resume(Asleep)
    end
end,
Close andalso whereis(rabbitup_closed) =:= undefined andalso register(rabbitup_closed, spawn(fun() -> Hold([]) end)),
Suspend = fun(Pids) -> Close andalso (rabbitup_closed ! {asleep, Pids}), Tell(Pids, suspend) end,
%% A virtual host that is down has no supervisor.
SupOf = fun(V) -> try rabbit_amqqueue_sup_sup:find_for_vhost(V) of {ok, P} -> [P]; _ -> [] catch exit:_ -> []; throw:_ -> [] end end,
SupsShut = Suspend([P || Close, V <- Vhosts(), P <- SupOf(V)]),
Known = maps:from_list([{amqqueue:get_name(Q), Q} || Q <- rabbit_amqqueue:list()]),
Durable = maps:from_list([{N, Q} || N <- DurableNames(), Q <- DurableOf(N)]),
All = maps:values(maps:merge(Durable, Known)),
Up = Running(),
Elsewhere = fun(Nodes) -> [N || N <- Nodes, N =/= X] end,
Replicated = fun(Q) -> lists:member(amqqueue:get_type(Q), [rabbit_quorum_queue, rabbit_stream_queue]) end,
%% A mirror counts if it is in sync and runs.
Synced = fun(Q) -> try [N || P <- amqqueue:get_sync_slave_pids(Q), N <- [node(P)], lists:member(N, Up)] catch error:undef -> [] end end,
IsOnly = fun(Q) ->
    amqqueue:get_exclusive_owner(Q) =:= none andalso
        case Replicated(Q) of
            true -> Replicas(Q) =:= [X];
            false -> is_pid(amqqueue:get_pid(Q)) andalso node(amqqueue:get_pid(Q)) =:= X andalso Elsewhere(Synced(Q)) =:= []
        end
end,
Only = [Q || Q <- All, IsOnly(Q)],
Name = fun(Q) -> amqqueue:get_name(Q) end,
Pid = fun(Q) -> amqqueue:get_pid(Q) end,
%% A queue without a process contains what is in its files, and accepts nothing.
Live = [Q || Q <- Only, Close, is_pid(Pid(Q)), node(Pid(Q)) =:= node(), is_process_alive(Pid(Q))],
QueuesShut = Suspend([Pid(Q) || Q <- Live]),
Shut = [P || {P, ok} <- SupsShut ++ QueuesShut],
%% gen_server2 has no get_state of its own, so sys passes all of its state to this function; throwing returns only the number.
Depth = fun(Server) ->
    {value, State} = lists:search(fun(E) -> is_tuple(E) andalso tuple_size(E) > 1 andalso element(1, E) =:= q end, tuple_to_list(Server)),
    Find = fun F([BQ, BQS | Rest]) ->
        case is_atom(BQ) andalso erlang:function_exported(BQ, depth, 1) of true -> BQ:depth(BQS); false -> F([BQS | Rest]) end
    end,
    Find(tuple_to_list(State))
end,
Asked = Tell([P || {P, ok} <- QueuesShut], {replace_state, fun(S) -> throw({depth, Depth(S)}) end}),
Closed = maps:from_list([{P, N} || {P, {error, {callback_failed, _, {throw, {depth, N}}}}} <- Asked, is_integer(N)]),
Counts = case Close of
    true -> maps:from_list([{Name(Q), N} || Q <- Live, {ok, N} <- [maps:find(Pid(Q), Closed)]]);
    false -> Counted(Only, 3000)
end,
%% Queues that publishers could still write to: not a classic queue, or no answer.
Open = [Q || Close, Q <- Only, Replicated(Q) orelse amqqueue:get_type(Q) =/= rabbit_classic_queue]
    ++ [Q || Q <- Live, not lists:member(Pid(Q), Shut)]
    ++ [P || {P, Said} <- SupsShut, Said =/= ok],
