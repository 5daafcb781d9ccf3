Streams = [Q || Q <- rabbit_amqqueue:list(), amqqueue:get_type(Q) =:= rabbit_stream_queue, lists:member(X, Replicas(Q))],
io_lib:format("~0p", [[rabbit_stream_coordinator:delete_replica(maps:get(name, amqqueue:get_type_state(Q)), X) || Q <- Streams]])
