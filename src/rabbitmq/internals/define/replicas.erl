%% The nodes that hold a replica of a queue, as its record lists them: a list up to 4.2, a map with what Ra knows of each from
%% 4.3 on. A classic queue has no such list; a quorum queue or a stream that seems to have none is one that is not understood.
Replicas = fun(Q) ->
    case {amqqueue:get_type(Q), amqqueue:get_type_state(Q)} of
        {_, #{nodes := Ns}} when is_map(Ns) -> maps:keys(Ns);
        {_, #{nodes := Ns}} when is_list(Ns) -> Ns;
        {Type, State} when Type =:= rabbit_quorum_queue; Type =:= rabbit_stream_queue -> error({no_list_of_replicas, State});
        _ -> []
    end
end,
