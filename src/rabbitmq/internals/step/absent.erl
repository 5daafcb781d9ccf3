integer_to_list(length(Members()) - length(Running()))
