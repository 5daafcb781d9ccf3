lists:join(" ", [atom_to_list(N) || N <- lists:sort(nodes())])
