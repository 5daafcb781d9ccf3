%% The members that Mnesia is connected to. With Khepri, and before Mnesia has started, there is nothing to report.
case mnesia:system_info(is_running) of
    yes -> ["met " ++ Node(N) || N <- lists:usort([node() | mnesia:system_info(running_db_nodes)])];
    _ -> []
end
