%% Where ha-sync-mode is automatic, RabbitMQ synchronises a mirror when it joins, once (rabbit_mirror_queue_misc:maybe_auto_sync). It
%% comes back to none whose synchronisation failed or was ended. How many queues with such a mirror on X that do not synchronise were
%% asked to; versions without mirrors have none.
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
