%% What no other node has a copy of, counted at the last moment, on the node X itself or, once that is stopped, on a peer. The
%% one who asks puts "X = 'rabbit@node3', Close = true|false," and counted.erl before this text.
%%
%% Close: no such queue takes, delivers or confirms anything from then on, until Reopen or the end of the node. Its process
%% is suspended (sys:suspend/1), so what is published meanwhile waits in its mailbox without a confirm, and its channel reports
%% it as not taken when the process ends. That holds whoever publishes (a client of another node, a shovel, a dead-letter
%% exchange) and whatever policies and arguments say. Then it is counted: what was confirmed before is in the count, and
%% nothing is confirmed after it. New queues cannot start either, since their supervisors are suspended first. A process of
%% its own lifts it all after seven minutes, where whoever asked for it is gone and the node still runs.
Khepri = try rabbit_khepri:is_enabled() catch error:undef -> code:which(rabbit_mnesia) =:= non_existing end,
Vhosts = try rabbit_vhost:list_names() catch error:undef -> rabbit_vhost:list() end,
Running = try rabbit_nodes:list_running() catch error:undef -> rabbit_mnesia:cluster_nodes(running) end,
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
Sups = [P || Close, V <- Vhosts, {ok, P} <- [catch rabbit_amqqueue_sup_sup:find_for_vhost(V)]],
SupsShut = Tell(Sups, suspend),
%% Queues of a virtual host that does not run, and those of a node that is down, stand in the second table only.
Known = maps:from_list([{amqqueue:get_name(Q), Q} || Q <- rabbit_amqqueue:list()]),
Durable = case Khepri of
    true -> Known;
    false -> maps:from_list([{N, Q} || N <- mnesia:dirty_all_keys(rabbit_durable_queue), Q <- mnesia:dirty_read(rabbit_durable_queue, N)])
end,
All = maps:values(maps:merge(Durable, Known)),
Elsewhere = fun(Nodes) -> [N || N <- Nodes, N =/= X] end,
Replicated = fun(Q) -> lists:member(amqqueue:get_type(Q), [rabbit_quorum_queue, rabbit_stream_queue]) end,
%% A mirror counts where it is in sync and runs.
Synced = fun(Q) -> try [N || P <- amqqueue:get_sync_slave_pids(Q), N <- [node(P)], lists:member(N, Running)] catch error:_ -> [] end end,
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
QueuesShut = Tell([Pid(Q) || Q <- Live], suspend),
Shut = [P || {P, ok} <- SupsShut ++ QueuesShut],
%% Those that did not answer, too: what they were told they may still do.
Asleep = [P || {P, _} <- SupsShut ++ QueuesShut],
case Close of
    true ->
        Before = whereis(rabbitup_closed),
        Before =:= undefined orelse begin unregister(rabbitup_closed), exit(Before, kill) end,
        register(rabbitup_closed, spawn(fun() ->
            receive {reopen, From} -> Resume(Asleep), From ! reopened after 420000 -> Resume(Asleep) end
        end));
    false -> none
end,
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
