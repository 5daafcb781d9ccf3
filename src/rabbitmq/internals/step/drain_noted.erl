%% 3.10 keeps the table in one node's memory; if members were forgotten while that node was down, it comes back without the table
%% until its next start. 3.8.9 has none after a reset, until its next start. With Khepri there is no such table.
case Khepri() orelse (catch mnesia:table_info(rabbit_node_maintenance_states, where_to_write)) of
    [] -> "nowhere";
    {'EXIT', {aborted, {no_exists, _, _}}} -> "nowhere";
    _ -> "noted"
end
