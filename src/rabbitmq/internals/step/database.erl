%% Mnesia may have stopped inside a running RabbitMQ because of a full disk.
case Khepri() orelse mnesia:system_info(is_running) =:= yes of true -> "open"; false -> "closed" end
