%% KIND and both names in Base64, including queues that are down.
Kind = fun(Q) -> case amqqueue:get_type(Q) of rabbit_stream_queue -> "stream"; _ -> "quorum" end end,
B = fun(Word) -> base64:encode_to_string(Word) end,
lists:join(" ", [[Kind(Q), " ", B(V), " ", B(N)]
    || Q <- rabbit_amqqueue:list(), lists:member(X, Replicas(Q)), {resource, V, queue, N} <- [amqqueue:get_name(Q)]])
