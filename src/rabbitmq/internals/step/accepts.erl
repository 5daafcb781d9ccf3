%% Whether the installed RabbitMQ accepts the rabbitmq.conf on standard input: exit status 0, else 3 and the reason. Uses the same
%% files and plugin schemas as at its start (rabbit_prelaunch_conf), with functions that have had these names since 3.8. Since
%% 4.3, parts of schemas are in separate files (NAME.partial), which cuttlefish includes by itself.
Context = rabbit_env:get_context(),
Directories = string:lexemes(maps:get(plugins_path, Context), ":"),
Names = lists:append([case file:list_dir(Directory) of {ok, Found} -> Found; _ -> [] end || Directory <- Directories]),
Apps = lists:usort([list_to_atom(hd(string:split(filename:basename(Name, ".ez"), "-"))) || Name <- Names]),
Schemas = lists:append([
    case erl_prim_loader:list_dir(filename:join(Private, "schema")) of
        {ok, Files} -> [filename:join([Private, "schema", File]) || File <- Files, hd(File) =/= $., filename:extension(File) =:= ".schema"];
        _ -> []
    end
    || App <- Apps, Private <- [code:priv_dir(App)], is_list(Private)]),
Beside = case maps:get(additional_config_files, Context, undefined) of
    undefined -> [];
    Pattern -> [File || File <- lists:sort(filelib:wildcard(Pattern)), filelib:is_regular(File)]
end,
Refused = case cuttlefish_conf:files(["/dev/stdin" | Beside]) of
    {errorlist, Unread} -> Unread;
    Conf ->
        case cuttlefish_generator:map(cuttlefish_schema:files(lists:sort(Schemas)), Conf) of
            {error, _, {errorlist, Unfit}} -> Unfit;
            _ -> []
        end
end,
[io:format("~ts~n", [cuttlefish_error:xlate(Error)]) || Error <- Refused],
halt(case {Schemas, Refused} of {[], _} -> 4; {_, []} -> 0; _ -> 3 end).
