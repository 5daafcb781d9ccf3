%% With ha-sync-mode automatic, RabbitMQ synchronises a mirror only once, when it joins
%% (rabbit_mirror_queue_misc:maybe_auto_sync). It does not retry after a failed or cancelled synchronisation. Requests it for
%% queues with such a mirror on X that are not synchronising, and returns their number; versions without mirrors have none.
Behind = fun(Q) -> lists:member(X, [node(P) || P <- amqqueue:get_slave_pids(Q) -- amqqueue:get_sync_slave_pids(Q)]) end,
Waits = fun(Q) ->
    try
        Behind(Q) andalso rabbit_policy:get(<<"ha-sync-mode">>, Q) =:= <<"automatic">>
            andalso rabbit_amqqueue:info(Q, [state]) =:= [{state, running}]
    catch
        _:_ -> false
    end
end,
Waiting = [Q || Q <- rabbit_amqqueue:list(), amqqueue:get_type(Q) =:= rabbit_classic_queue, Waits(Q)],
[spawn(fun() -> rabbit_amqqueue:sync_mirrors(amqqueue:get_pid(Q)) end) || Q <- Waiting],
integer_to_list(length(Waiting))
