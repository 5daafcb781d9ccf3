%% The quorum queues whose replica here is not in service, also not after a second and a half: its Ra server does not run, or it knows no
%% leader. An election takes less. The stored record always names a leader. A follower that lost its leader calls elections until a
%% majority answers; a leader that lost its followers goes on as a leader, so each of them is asked.
InService = fun({_, Ra}) ->
    case [element(2, S) || S <- ets:lookup(ra_state, Ra)] of
        [leader] -> true;
        [No] when No =:= pre_vote; No =:= candidate; No =:= recover; No =:= recovered -> false;
        [_] -> case ra_leaderboard:lookup_leader(Ra) of {_, N} -> lists:member(N, nodes()); undefined -> false end;
        [] -> false
    end
end,
StillIdle = fun Try([], _) -> [];
                Try(Some, 0) -> Some;
                Try(Some, Times) -> timer:sleep(500), Try([Q || Q <- Some, not InService(Q)], Times - 1)
            end,
Here = [{amqqueue:get_name(Q), element(1, amqqueue:get_pid(Q))}
    || R <- lists:sublist(Queues(), Most), Q <- RecordOf(R),
       amqqueue:get_type(Q) =:= rabbit_quorum_queue, lists:member(node(), Replicas(Q))],
["idle " ++ Text(V) ++ " " ++ Text(N) || {{resource, V, queue, N}, _} <- StillIdle([Q || Q <- Here, not InService(Q)], 3)]
