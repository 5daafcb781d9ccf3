Leads = fun(Name) -> case ra_leaderboard:lookup_leader(Name) of {_, N} -> N =:= node(); _ -> false end end,
integer_to_list(length([Q || Q <- rabbit_amqqueue:list(), {Name, _} <- [amqqueue:get_pid(Q)], Leads(Name)]))
