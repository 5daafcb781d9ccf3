lists:join(" ", [atom_to_list(M) || M <- lists:sort(Members())])
