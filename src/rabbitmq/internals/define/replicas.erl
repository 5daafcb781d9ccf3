%% The nodes with a replica of a queue, from its record: a list up to 4.2, a map with Ra's data of each since 4.3. A classic queue
%% has no such list; a quorum queue or a stream without one has an unknown format.
Replicas = fun(Q) ->
    case {amqqueue:get_type(Q), amqqueue:get_type_state(Q)} of
        {_, #{nodes := Ns}} when is_map(Ns) -> maps:keys(Ns);
        {_, #{nodes := Ns}} when is_list(Ns) -> Ns;
        {Type, State} when Type =:= rabbit_quorum_queue; Type =:= rabbit_stream_queue -> error({no_list_of_replicas, State});
        _ -> []
    end
end,
