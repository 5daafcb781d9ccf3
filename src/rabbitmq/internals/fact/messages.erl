%% Counted if the queue could be lost with this node: all queues if it is alone and might be joined to another cluster, those that
%% exist only on it if it leaves its cluster. For others it reports the last value of the metrics table, which is empty without
%% the management plugin. A queue without an answer has no line, which means unknown.
Alone = length(Members()) =:= 1,
IsOnly = fun(Q) ->
    case amqqueue:get_pid(Q) of
        Pid when is_pid(Pid), node(Pid) =:= node() -> Replicas(Q) -- [node()] =:= [];
        {_, _} -> Replicas(Q) =:= [node()];
        _ -> false
    end
end,
{Exact, Rest} = lists:partition(fun(Q) -> Alone orelse IsOnly(Q) end, lists:sublist(lists:sort(rabbit_amqqueue:list()), Most)),
Line = fun({resource, V, queue, N}, Count) -> "messages " ++ Text(V) ++ " " ++ Text(N) ++ " " ++ Int(Count) end,
[Line(R, N) || {R, N} <- maps:to_list(Counted(Exact, 2000))]
    ++ [Line(R, N) || Q <- Rest, R <- [amqqueue:get_name(Q)], {_, _, _, N, _} <- ets:lookup(queue_coarse_metrics, R), is_integer(N)]
