%% Mnesia lists the queues of a node that has not been up since the others started, and those of a virtual host that is down, only
%% in a second table; Khepri has one table for all. The names in it, and the record of a name.
DurableNames = fun() -> case Khepri() of true -> []; false -> mnesia:dirty_all_keys(rabbit_durable_queue) end end,
DurableOf = fun(Name) -> case Khepri() of true -> []; false -> mnesia:dirty_read(rabbit_durable_queue, Name) end end,
