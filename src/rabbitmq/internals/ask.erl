%% The wrapper of every question that a step asks, around the text Expressions. Its answer is text: characters, a binary or an
%% atom. `told:ANSWER`, `untold:WORDS:VERSION` or `later:WORDS`, each in Base64, since erl_call prints non-ASCII text in its own
%% format. A possibly temporary error is retried once before it counts as an unsupported question.
Encoded = fun(A) when is_atom(A) -> base64:encode_to_string(atom_to_list(A));
             (T) -> base64:encode_to_string(unicode:characters_to_binary(T))
          end,
Attempt = fun() ->
    try
        {ok, Tokens, _} = erl_scan:string(Expressions),
        {ok, Parsed} = erl_parse:parse_exprs(Tokens),
        %% Evaluated as text, not as a fun here: within a fun, erl_eval's inner funs keep all earlier variables, and sending one
        %% to a process copies them all (15 MB for 250 queues, to each of them).
        {value, Answer, _} = erl_eval:exprs(Parsed, []),
        {told, Encoded(Answer)}
    catch Class:Reason:Stack -> Untold(Class, Reason, Stack)
    end
end,
Outcome = case Attempt() of {untold, "undef in " ++ _} = Never -> Never; {untold, _} -> timer:sleep(300), Attempt(); Other -> Other end,
case Outcome of
    {told, Text} -> "told:" ++ Text;
    {later, Words} -> "later:" ++ Encoded(Words);
    {untold, Words} ->
        Version = case application:get_key(rabbit, vsn) of {ok, V} -> V; _ -> "unknown" end,
        "untold:" ++ Encoded(Words) ++ ":" ++ Encoded(Version)
end
