%% The report of a running node: a list of lines "key value…", in ASCII without quotes or backslashes, since erl_call prints
%% strings unescaped and binaries as numbers. Arbitrary names are in Base64. Internal functions differ between RabbitMQ 3.8 and
%% 4.x, and some block while a peer is down: all facts run independently in parallel, and those without a result after three
%% seconds are reported as failed. The facts of a running node
%% and those of a stopped one are inserted between this and node_tail.erl, as `{"KEY", fun() -> …end}` with the
%% text of fact/KEY.erl; before it comes "Admin = none," or "Admin = <<…>>,", and after everything the expression that uses Lines.
Text = fun(A) when is_atom(A) -> base64:encode_to_string(atom_to_binary(A, utf8));
          (B) when is_binary(B) -> base64:encode_to_string(B);
          (L) -> base64:encode_to_string(unicode:characters_to_binary(L))
       end,
Hex = fun(B) -> lists:flatten([io_lib:format("~2.16.0b", [X]) || <<X>> <= B]) end,
Int = fun(I) when is_integer(I) -> integer_to_list(I) end,
Node = fun(N) -> atom_to_list(N) end,
%% The first of the functions that exists in this version; older names come later.
Either = fun Try([{M, F, A} | Rest]) ->
             try apply(M, F, A) catch error:undef when Rest =/= [] -> Try(Rest) end
         end,
Queues = fun() -> lists:usort(rabbit_amqqueue:list_names() ++ DurableNames()) end,
RecordOf = fun(R) -> case rabbit_amqqueue:lookup(R) of {ok, Q} -> [Q]; _ -> DurableOf(R) end end,
%% Inspects items one by one, as many as fit into the time of a fact; counts the rest.
Most = 10000,
Late = fun(Since) -> erlang:monotonic_time(millisecond) - Since > 2000 end,
Own = fun(<<>>) -> false; (<<"amq.", _/binary>>) -> false; (_) -> true end,
%% At most a thousand lines of a kind, and how many more there are.
Capped = fun(Key, All, Line) ->
    [Key ++ " " ++ Line(X) || X <- lists:sublist(All, 1000)]
        ++ ["more " ++ Key ++ " " ++ Int(length(All) - 1000) || length(All) > 1000]
end,
Within = fun(Props) -> Text(proplists:get_value(vhost, Props)) ++ " " ++ Text(proplists:get_value(name, Props)) end,
%% The nodes of a queue, from its stored record; its process is not asked. A quorum queue's stored leader is updated only some
%% time after an election. The leaderboard, a local table, is current, but empty on nodes without a replica.
Held = fun({resource, V, queue, N} = R, Q, Bound) ->
    Leader = case amqqueue:get_pid(Q) of
        {Ra, At} -> try {_, L} = ra_leaderboard:lookup_leader(Ra), [L] catch _:_ -> [At] end;
        Pid -> [node(Pid) || is_pid(Pid)]
    end,
    Nodes = fun(List) -> lists:append(lists:join(",", lists:map(Node, List))) ++ " " end,
    Mirrored = try rabbit_mirror_queue_misc:is_mirrored(Q) catch _:_ -> false end,
    Listed = Nodes(Replicas(Q)),
    Text(V) ++ " " ++ Text(N) ++ " " ++ atom_to_list(amqqueue:is_durable(Q)) ++ " "
        ++ atom_to_list(amqqueue:get_exclusive_owner(Q) =/= none) ++ " " ++ Nodes(Leader)
        ++ case amqqueue:get_type(Q) of
            rabbit_quorum_queue -> "quorum " ++ Listed;
            rabbit_stream_queue -> "stream " ++ Listed;
            rabbit_classic_queue when Mirrored ->
                "mirrored " ++ Nodes([node(P) || P <- amqqueue:get_slave_pids(Q)])
                    ++ Nodes([node(P) || P <- amqqueue:get_sync_slave_pids(Q)]);
            rabbit_classic_queue -> "classic ";
            _ -> "other " ++ Listed
        end
        ++ lists:append(["bound " ++ Int(maps:get(R, Bound, 0)) ++ " " || is_map(Bound)])
        ++ lists:append(["wanted " ++ Int(W) || {<<"x-", K/binary>>, _, W} <- amqqueue:get_arguments(Q), is_integer(W),
                            K =:= <<"quorum-initial-group-size">> orelse K =:= <<"initial-cluster-size">>])
end,
