["store " ++ case Khepri() of true -> "khepri"; false -> "mnesia" end]
