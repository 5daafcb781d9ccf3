%% What no other node has a copy of, counted at the last moment, on the node X itself or, once that is stopped, on a peer.
%%
%% Close: no such queue takes, delivers or confirms anything from then on, until Reopen or the end of the node. Its process
%% is suspended (sys:suspend/1), so what is published meanwhile waits in its mailbox without a confirm, and its channel reports
%% it as not taken when the process ends. That holds whoever publishes (a client of another node, a shovel, a dead-letter
%% exchange) and whatever policies and arguments say. Then it is counted: what was confirmed before is in the count, and
%% nothing is confirmed after it. New queues cannot start either, since their supervisors are suspended first. A process of
%% its own lifts it all after seven minutes, where whoever asked for it is gone and the node still runs.
Late = fun(End) -> max(0, End - erlang:monotonic_time(millisecond)) end,
%% A system message (sys) to many processes, and who answers within three seconds.
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
%% Who lifts it knows of a process before that is suspended, so nothing stays closed where a later line of this fails. The one
%% of an earlier attempt goes on, since it knows what that has closed.
Hold = fun Wait(Asleep) ->
    receive
        {asleep, More} -> Wait(More ++ Asleep);
        {reopen, From} -> Resume(Asleep), unregister(rabbitup_closed), From ! reopened
    after 420000 -> Resume(Asleep)
    end
end,
Close andalso whereis(rabbitup_closed) =:= undefined andalso register(rabbitup_closed, spawn(fun() -> Hold([]) end)),
Suspend = fun(Pids) -> Close andalso (rabbitup_closed ! {asleep, Pids}), Tell(Pids, suspend) end,
%% A virtual host that does not run has no supervisor.
SupOf = fun(V) -> try rabbit_amqqueue_sup_sup:find_for_vhost(V) of {ok, P} -> [P]; _ -> [] catch exit:_ -> []; throw:_ -> [] end end,
SupsShut = Suspend([P || Close, V <- Vhosts(), P <- SupOf(V)]),
Known = maps:from_list([{amqqueue:get_name(Q), Q} || Q <- rabbit_amqqueue:list()]),
Durable = maps:from_list([{N, Q} || N <- DurableNames(), Q <- DurableOf(N)]),
All = maps:values(maps:merge(Durable, Known)),
Up = Running(),
Elsewhere = fun(Nodes) -> [N || N <- Nodes, N =/= X] end,
Replicated = fun(Q) -> lists:member(amqqueue:get_type(Q), [rabbit_quorum_queue, rabbit_stream_queue]) end,
%% A mirror counts where it is in sync and runs.
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
%% One that has no process holds what its files hold, and takes nothing.
Live = [Q || Q <- Only, Close, is_pid(Pid(Q)), node(Pid(Q)) =:= node(), is_process_alive(Pid(Q))],
QueuesShut = Suspend([Pid(Q) || Q <- Live]),
Shut = [P || {P, ok} <- SupsShut ++ QueuesShut],
%% gen_server2 has no get_state of its own, so sys hands all of its state to this function; thrown, the number alone goes back.
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
%% What publishers could still write to: a process that is not a classic queue's, or did not answer.
Open = [Q || Close, Q <- Only, Replicated(Q) orelse amqqueue:get_type(Q) =/= rabbit_classic_queue]
    ++ [Q || Q <- Live, not lists:member(Pid(Q), Shut)]
    ++ [P || {P, Said} <- SupsShut, Said =/= ok],
