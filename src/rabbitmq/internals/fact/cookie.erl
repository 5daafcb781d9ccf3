["cookie " ++ Hex(erlang:md5(atom_to_list(erlang:get_cookie())))]
