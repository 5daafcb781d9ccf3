case lists:usort([rpc:call(N, mnesia, dump_log, []) || N <- mnesia:table_info(schema, disc_copies)]) of
    [dumped] -> dumped;
    Said -> io_lib:format("~0p", [Said])
end
