%% Before 3.12 all nodes share one table. Its record is {listener, Node, Protocol, Host, Address, Port, Options}.
Prefix = case application:get_env(rabbitmq_management, path_prefix) of
    {ok, P} -> ["path_prefix " ++ Text(P)];
    undefined -> []
end,
%% Each connection asks for it anew, but for those over WebSockets.
Proxied = ["proxied " ++ Key || {App, Key} <- [
    {rabbit, "proxy_protocol"}, {rabbitmq_mqtt, "mqtt.proxy_protocol"}, {rabbitmq_stomp, "stomp.proxy_protocol"},
    {rabbitmq_web_mqtt, "web_mqtt.proxy_protocol"}, {rabbitmq_web_stomp, "web_stomp.proxy_protocol"}],
    application:get_env(App, proxy_protocol) =:= {ok, true}],
["listener " ++ atom_to_list(element(3, L)) ++ " " ++ inet:ntoa(element(5, L)) ++ " " ++ Int(element(6, L))
    || L <- rabbit_networking:node_listeners(node())] ++ Prefix ++ Proxied
