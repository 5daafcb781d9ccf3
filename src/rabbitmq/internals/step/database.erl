%% Mnesia may have stopped under a RabbitMQ that goes on, where the disk took nothing more.
case Khepri() orelse mnesia:system_info(is_running) =:= yes of true -> "open"; false -> "closed" end
