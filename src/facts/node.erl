%% What a running node says of itself: a list of lines "key value…", each of plain ASCII without quotes or
%% backslashes, since erl_call prints strings unescaped and binaries as numbers. Names that may hold anything are
%% Base64. Internal functions differ between RabbitMQ 3.8 and 4.x, and some block while a peer is gone: every fact
%% stands on its own, all run at once, and what is not there after three seconds is reported as failed.
%%
%% The probe puts "Admin = none," or "Admin = <<…>>," before this text, and what to do with Lines behind it.
Text = fun(A) when is_atom(A) -> base64:encode_to_string(atom_to_binary(A, utf8));
          (B) when is_binary(B) -> base64:encode_to_string(B);
          (L) -> base64:encode_to_string(unicode:characters_to_binary(L))
       end,
Hex = fun(B) -> lists:flatten([io_lib:format("~2.16.0b", [X]) || <<X>> <= B]) end,
Int = fun(I) when is_integer(I) -> integer_to_list(I) end,
Node = fun(N) -> atom_to_list(N) end,
%% The first of the functions that this version has; the later ones are the older names.
Either = fun Try([{M, F, A} | Rest]) ->
             try apply(M, F, A) catch error:undef when Rest =/= [] -> Try(Rest) end
         end,
Members = fun() -> Either([{rabbit_nodes, list_members, []}, {rabbit_mnesia, cluster_nodes, [all]}]) end,
Khepri = fun() ->
    try rabbit_khepri:is_enabled()
    %% Before 3.13 there is no Khepri, and some day there is no question.
    catch error:undef -> code:which(rabbit_mnesia) =:= non_existing
    end
end,
%% Mnesia lists the queues of a node that has not been up since the others started in the second table only.
Durable = fun(F, A) -> try false = Khepri(), apply(mnesia, F, [rabbit_durable_queue | A]) catch _:_ -> [] end end,
Queues = fun() -> lists:usort(rabbit_amqqueue:list_names() ++ Durable(dirty_all_keys, [])) end,
%% Those that are looked at one by one, as many as fit the time that a fact has; the rest is counted.
Most = 10000,
Late = fun(Since) -> erlang:monotonic_time(millisecond) - Since > 2000 end,
Own = fun(<<>>) -> false; (<<"amq.", _/binary>>) -> false; (_) -> true end,
%% At most a thousand lines of a kind, and how many more there are.
Capped = fun(Key, All, Line) ->
    [Key ++ " " ++ Line(X) || X <- lists:sublist(All, 1000)]
        ++ ["more " ++ Key ++ " " ++ Int(length(All) - 1000) || length(All) > 1000]
end,
Within = fun(Props) -> Text(proplists:get_value(vhost, Props)) ++ " " ++ Text(proplists:get_value(name, Props)) end,
%% Who holds a queue, from what is stored of it; its process is not asked. A quorum queue's stored leader is put right
%% only some time after an election. The leaderboard, a local table, is up to date, but empty where no replica is.
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
Facts = [
    {"name", fun() -> ["name " ++ Node(node())] end},
    {"version", fun() -> {ok, V} = application:get_key(rabbit, vsn), ["version " ++ Text(V)] end},
    {"erlang", fun() ->
        ["erlang " ++ Text([erlang:system_info(otp_release), " (ERTS ", erlang:system_info(version), ")"])]
    end},
    {"cookie", fun() -> ["cookie " ++ Hex(erlang:md5(atom_to_list(erlang:get_cookie())))] end},
    {"started", fun() ->
        Start = erlang:system_info(start_time) + erlang:time_offset(),
        ["started " ++ Int(erlang:convert_time_unit(Start, native, second))]
    end},
    {"uptime", fun() ->
        Up = erlang:monotonic_time() - erlang:system_info(start_time),
        ["uptime " ++ Int(erlang:convert_time_unit(Up, native, second))]
    end},
    {"memory", fun() -> ["memory " ++ Int(Either([{vm_memory_monitor, get_process_memory, []}, {erlang, memory, [total]}]))] end},
    {"fds", fun() -> ["fds " ++ Int(lists:max([N || {max_fds, N} <- lists:flatten(erlang:system_info(check_io))]))] end},
    {"link", fun() -> ["link " ++ Node(N) || N <- nodes()] end},
    {"cluster_name", fun() -> ["cluster_name " ++ Text(rabbit_nodes:cluster_name())] end},
    {"member", fun() ->
        %% RAM nodes exist in Mnesia only, and not from 4.3 on.
        Disc = case Khepri() of true -> Members(); false -> rabbit_mnesia:cluster_nodes(disc) end,
        ["member " ++ case lists:member(N, Disc) of true -> "disc "; false -> "ram " end ++ Node(N) || N <- Members()]
    end},
    {"running", fun() ->
        ["running " ++ Node(N)
            || N <- Either([{rabbit_nodes, list_running, []}, {rabbit_mnesia, cluster_nodes, [running]}])]
    end},
    {"partition", fun() ->
        ["partition " ++ Node(N)
            || N <- try rabbit_node_monitor:partitions() catch error:undef -> [] end]
    end},
    {"alarm", fun() ->
        [case A of
             {{resource_limit, What, N}, _} -> "alarm " ++ Text(What) ++ " " ++ Node(N);
             {What, _} -> "alarm " ++ Text(io_lib:format("~p", [What]))
         end || A <- rabbit_alarm:get_alarms()]
    end},
    {"store", fun() -> ["store " ++ case Khepri() of true -> "khepri"; false -> "mnesia" end] end},
    {"flag", fun() -> ["flag " ++ Text(F) || F <- maps:keys(rabbit_feature_flags:list(disabled, stable))] end},
    {"core", fun() ->
        On = rabbit_feature_flags:list(enabled),
        ["core " ++ atom_to_list(maps:is_key(F, On)) ++ " " ++ Text(F)
            || {F, #{provided_by := rabbit}} <- maps:to_list(rabbit_feature_flags:list(all))]
    end},
    {"plugin", fun() ->
        %% rabbit_plugins:active/0 opens every plugin's archive, 30 to 80 ms; the applications that run are known.
        {ok, File} = application:get_env(rabbit, enabled_plugins_file),
        Apps = [A || {A, _, _} <- application:which_applications()],
        ["plugin " ++ Text(P) || P <- rabbit_plugins:read_enabled(File), lists:member(P, Apps)]
    end},
    {"maintenance", fun() ->
        ["maintenance " ++ atom_to_list(rabbit_maintenance:is_being_drained_local_read(node()))]
    end},
    {"definitions", fun() ->
        case rabbit_runtime_parameters:value_global(rabbitup_definitions) of
            not_found -> [];
            B when is_binary(B) -> ["definitions " ++ Text(B)];
            Other -> ["definitions " ++ Text(io_lib:format("~0p", [Other]))]
        end
    end},
    {"queue", fun() ->
        Capped("queue", Queues(), fun({resource, V, queue, N}) -> Text(V) ++ " " ++ Text(N) end)
    end},
    {"held", fun() ->
        {All, Since} = {Queues(), erlang:monotonic_time(millisecond)},
        Stored = fun(R) ->
            case rabbit_amqqueue:lookup(R) of {ok, Q} -> [Q]; _ -> Durable(dirty_read, [R]) end
        end,
        %% Those that somebody made; the default exchange's go without saying.
        Bind = fun({binding, _, _, To, _}, Sum) -> Sum#{To => maps:get(To, Sum, 0) + 1} end,
        %% Those of a queue whose node is down Mnesia has in its second table only.
        Routes = try false = Khepri(), mnesia:dirty_all_keys(rabbit_durable_route) catch _:_ -> [] end,
        Made = fun({binding, {resource, _, exchange, From}, _, _, _}) -> From =/= <<>>; (_) -> false end,
        Bound = try lists:foldl(Bind, #{}, lists:usort(lists:filter(Made, rabbit_binding:list_explicit() ++ Routes))) catch _:_ -> none end,
        Line = fun(R, Q) ->
            case Late(Since) of
                true -> "unlisted 1";
                false -> try "held " ++ Held(R, Q, Bound) catch _:_ -> "unlisted 1" end
            end
        end,
        ["unlisted " ++ Int(length(All) - Most) || length(All) > Most]
            ++ [Line(R, Q) || R <- lists:sublist(All, Most), Q <- Stored(R)]
    end},
    {"messages", fun() ->
        %% Counted where the queue could go with this node: all where it is alone and might be joined to another, those that
        %% only it has where it leaves its cluster. Of the others it is told what the metrics table said at its last tick,
        %% which is empty without the management plugin. One without an answer has no line, which means unknown.
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
    end},
    {"vhost", fun() ->
        Capped("vhost", [V || V <- Either([{rabbit_vhost, list_names, []}, {rabbit_vhost, list, []}]), V =/= <<"/">>], Text)
    end},
    {"user", fun() ->
        Names = [proplists:get_value(user, U) || U <- rabbit_auth_backend_internal:list_users()],
        %% guest is no default any more once somebody gave it topic permissions.
        Topics = [proplists:get_value(user, P) || P <- rabbit_auth_backend_internal:list_topic_permissions()],
        Capped("user", [N || N <- Names, N =/= <<"guest">> orelse lists:member(N, Topics)], Text)
    end},
    {"policy", fun() -> Capped("policy", rabbit_policy:list() ++ rabbit_policy:list_op(), Within) end},
    {"mirroring", fun() ->
        Has = fun(D) -> proplists:is_defined(<<"ha-mode">>, case is_map(D) of true -> maps:to_list(D); _ -> D end) end,
        ["mirroring " ++ Within(P)
            || P <- rabbit_policy:list() ++ rabbit_policy:list_op(), Has(proplists:get_value(definition, P))]
    end},
    {"exchange", fun() ->
        Names = try rabbit_exchange:list_names() catch error:undef -> [element(2, X) || X <- rabbit_exchange:list()] end,
        Capped("exchange", [X || X = {resource, _, exchange, N} <- Names, Own(N)],
               fun({resource, V, exchange, N}) -> Text(V) ++ " " ++ Text(N) end)
    end},
    {"parameter", fun() ->
        %% Operator policies are among them, and policies are not; those that belong to no virtual host are listed apart.
        %% What every node sets by itself, and the mark of our own, do not count.
        Theirs = [cluster_name, cluster_tags, internal_cluster_id, imported_definition_hash_value, rabbitup_definitions],
        Global = [{global, N} || P <- rabbit_runtime_parameters:list_global(),
                                 N <- [proplists:get_value(name, P)], not lists:member(N, Theirs)],
        Scoped = [P || P <- rabbit_runtime_parameters:list(),
                       proplists:get_value(component, P) =/= <<"operator_policy">>],
        Capped("parameter", Global ++ Scoped,
               fun({global, N}) -> Text("global") ++ " " ++ Text("") ++ " " ++ Text(N);
                  (P) -> Text(proplists:get_value(component, P)) ++ " " ++ Within(P)
               end)
    end},
    {"binding", fun() ->
        %% Those of queues and of exchanges of one's own go with them.
        All = try rabbit_binding:list_explicit() catch error:undef -> [] end,
        Capped("binding", [{V, S, D} || {binding, {resource, V, exchange, S}, _, {resource, _, exchange, D}, _} <- All,
                                        not Own(S), not Own(D)],
               fun({V, S, D}) -> Text(V) ++ " " ++ Text(S) ++ " " ++ Text(D) end)
    end},
    {"guest", fun() ->
        ["guest " ++ case rabbit_auth_backend_internal:lookup_user(<<"guest">>) of
            {ok, _} ->
                case rabbit_auth_backend_internal:user_login_authentication(<<"guest">>, [{password, <<"guest">>}]) of
                    {ok, _} -> "open";
                    {refused, _, _} -> "closed"
                end;
            {error, not_found} -> "absent"
        end]
    end},
    {"admin", fun() ->
        case Admin =/= none andalso rabbit_auth_backend_internal:lookup_user(Admin) of
            {ok, User} ->
                Tagged = lists:member(administrator, internal_user:get_tags(User)),
                Stored = case {internal_user:get_hashing_algorithm(User), internal_user:get_password_hash(User)} of
                    {rabbit_password_hashing_sha256, <<Salt:4/binary, Hash:32/binary>>} ->
                        ["password " ++ Hex(Salt) ++ " " ++ Hex(erlang:md5(Hash))];
                    _ -> []
                end,
                ["admin " ++ atom_to_list(Tagged) | Stored];
            _ -> []
        end
    end}
],
Why = fun({badrpc, {'EXIT', {Reason, _}}}) when is_atom(Reason) -> atom_to_list(Reason); (_) -> "error" end,
Gather = fun() ->
    Deadline = erlang:monotonic_time(millisecond) + 3000,
    Left = fun() -> max(0, Deadline - erlang:monotonic_time(millisecond)) end,
    Started = [{Key, rpc:async_call(node(), erlang, apply, [Fact, []])} || {Key, Fact} <- Facts],
    lists:append([case rpc:nb_yield(Call, Left()) of
                      {value, Found} when is_list(Found) -> Found;
                      {value, Failure} -> ["failed " ++ Key ++ " " ++ Why(Failure)];
                      timeout -> ["failed " ++ Key ++ " timeout"]
                  end || {Key, Call} <- Started])
end,
Booted = try Either([{rabbit, is_booted, []}, {rabbit, is_running, []}]) catch _:_ -> false end,
%% Mnesia may have stopped under a RabbitMQ that goes on, where the disk took nothing more: every question would then be
%% answered as of an empty database.
Open = try Khepri() orelse mnesia:system_info(is_running) =:= yes catch _:_ -> true end,
Lines = case {Booted, Open} of
    {true, true} -> ["state running" | Gather()] ++ ["end"];
    {true, false} -> ["state closed", "end"];
    _ -> ["state stopped", "end"]
end,
