%% Up to 3.8 a record with five fields, since 3.9 with accessor functions: name, hash, tags, algorithm.
Of = fun(Function, Place, User) -> try internal_user:Function(User) catch error:undef -> element(Place, User) end end,
case Admin =/= none andalso rabbit_auth_backend_internal:lookup_user(Admin) of
    {ok, User} ->
        Tagged = lists:member(administrator, Of(get_tags, 4, User)),
        Stored = case {Of(get_hashing_algorithm, 5, User), Of(get_password_hash, 3, User)} of
            {rabbit_password_hashing_sha256, <<Salt:4/binary, Hash:32/binary>>} ->
                ["password " ++ Hex(Salt) ++ " " ++ Hex(erlang:md5(Hash))];
            _ -> []
        end,
        ["admin " ++ atom_to_list(Tagged) | Stored];
    _ -> []
end
