Capped("policy", rabbit_policy:list() ++ rabbit_policy:list_op(), Within)
