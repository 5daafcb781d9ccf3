Capped("queue", Queues(), fun({resource, V, queue, N}) -> Text(V) ++ " " ++ Text(N) end)
