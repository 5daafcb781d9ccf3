%% 3.10 keeps the table in one node's memory; if members were forgotten while that node was down, it comes back without the table
%% until its next start. Without Mnesia there is no such table.
case catch mnesia:table_info(rabbit_node_maintenance_states, where_to_write) of [] -> "nowhere"; _ -> "noted" end
