%% The outcome of a question that raised an exception: `untold` if this RabbitMQ does not support the question, or answers in an
%% unknown format; `later` if it could not answer now (a timeout, a table that does not exist before the node serves). And the raw
%% error: the exception, and the function that raised it.
Untold = fun(Class, Reason, Stack) ->
    Serves = try rabbit:is_running() =:= true catch error:undef -> true; _:_ -> false end,
    Shape = case Reason of
        {badmatch, {error, _}} -> false;
        {case_clause, {error, _}} -> false;
        {Kind, _} -> lists:member(Kind, [badmatch, case_clause, badkey, badmap, badfun, badarity, badrecord, not_understood]);
        _ -> lists:member(Reason, [undef, function_clause, badarg, if_clause])
    end,
    Where = case Stack of
        [{M, F, A, _} | _] -> io_lib:format(" in ~0p:~0p/~0p", [M, F, case A of _ when is_list(A) -> length(A); _ -> A end]);
        _ -> ""
    end,
    Words = lists:sublist(lists:flatten(io_lib:format("~0p~s", [Reason, Where])), 400),
    {case Class =:= error andalso Serves andalso Shape of true -> untold; false -> later end, Words}
end,
