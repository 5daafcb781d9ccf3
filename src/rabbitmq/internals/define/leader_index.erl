%% The index up to which the leader of these Ra servers has applied its log, asked one after the other; `none` if none of them
%% answers within 400 ms. Ra expects a function up to version 2, and a tuple that names one since 3 (4.3).
LeaderIndex = fun Try([]) -> none;
                  Try([Server | Rest]) ->
                      Ask = fun(How) -> try ra:leader_query(Server, How, 400) catch exit:Why -> {error, Why} end end,
                      case try Ask(fun erlang:is_tuple/1) catch error:function_clause -> Ask({erlang, is_tuple, []}) end of
                          {ok, {{Index, _}, _}, _} when is_integer(Index) -> Index;
                          {ok, Unread, _} -> error({not_understood, Unread});
                          _ -> Try(Rest)
                      end
              end,
