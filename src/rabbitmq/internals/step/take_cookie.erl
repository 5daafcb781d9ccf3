%% The node reads the cookie itself: it is in no argument. Erlang compares cookies only when two nodes connect
%% (erlang:set_cookie/2), so no connection is dropped.
case file:read_file(File) of
    {ok, Cookie} ->
        true = erlang:set_cookie(node(), list_to_atom(string:trim(binary_to_list(Cookie), trailing, "\r\n"))),
        taken;
    Failed -> io_lib:format("~0p", [Failed])
end
