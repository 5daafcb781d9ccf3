%% 3.10 keeps the table in one node's memory, and when members were forgotten while that node was down, it comes back without it
%% until its next start. Where there is no Mnesia there is no such table to lose.
case catch mnesia:table_info(rabbit_node_maintenance_states, where_to_write) of [] -> "nowhere"; _ -> "noted" end
