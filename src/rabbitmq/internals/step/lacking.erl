%% The names in Base64.
Lacks = fun(V, N) ->
    case rabbit_amqqueue:lookup(rabbit_misc:r(V, queue, N)) of {ok, Q} -> not lists:member(X, Replicas(Q)); {error, not_found} -> false end
end,
lists:join(" ", [base64:encode_to_string(N) || {V, N} <- Queues, Lacks(V, N)])
