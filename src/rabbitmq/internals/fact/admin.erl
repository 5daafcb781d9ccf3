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
