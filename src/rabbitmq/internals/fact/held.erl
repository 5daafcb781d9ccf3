{All, Since} = {Queues(), erlang:monotonic_time(millisecond)},
%% Explicit bindings, not those of the default exchange.
Bind = fun({binding, _, _, To, _}, Sum) -> Sum#{To => maps:get(To, Sum, 0) + 1} end,
%% If a queue's node is down, Mnesia has its bindings only in the second table.
Made = fun({binding, {resource, _, exchange, From}, _, _, _}) -> From =/= <<>>; (_) -> false end,
Bound = try
    Routes = case Khepri() of true -> []; false -> mnesia:dirty_all_keys(rabbit_durable_route) end,
    lists:foldl(Bind, #{}, lists:usort(lists:filter(Made, rabbit_binding:list_explicit() ++ Routes)))
catch _:_ -> none
end,
Line = fun(R, Q) ->
    case Late(Since) of
        true -> "unlisted 1";
        false -> try "held " ++ Held(R, Q, Bound) catch _:_ -> "unlisted 1" end
    end
end,
["unlisted " ++ Int(length(All) - Most) || length(All) > Most]
    ++ [Line(R, Q) || R <- lists:sublist(All, Most), Q <- RecordOf(R)]
