%% `QUEUES UNCOUNTED MESSAGES OPEN NAME NAME…`: four numbers, and the names of the first five in Base64.
Uncounted = [Q || Q <- Only, not maps:is_key(Name(Q), Counts)],
Numbers = [length(Only), length(Uncounted), lists:sum(maps:values(Counts)), length(Open)],
Names = [base64:encode_to_string(N) || Q <- lists:sublist(Only, 5), {resource, _, _, N} <- [Name(Q)]],
lists:join(" ", [integer_to_list(N) || N <- Numbers] ++ Names)
