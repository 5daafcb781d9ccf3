%% `2 mirrors, 1 behind, syncing, 30100 messages done` or `2 mirrors, 0 behind, running`.
case rabbit_amqqueue:lookup(rabbit_misc:r(Vhost, queue, Name)) of
    {ok, Q} ->
        [{state, State}] = rabbit_amqqueue:info(Q, [state]),
        Mirrors = length(amqqueue:get_slave_pids(Q)),
        Does = case State of {syncing, N} -> io_lib:format("syncing, ~b messages done", [N]); _ -> io_lib:format("~p", [State]) end,
        io_lib:format("~b mirrors, ~b behind, ~s", [Mirrors, Mirrors - length(amqqueue:get_sync_slave_pids(Q)), Does]);
    {error, not_found} -> "there is no such queue"
end
