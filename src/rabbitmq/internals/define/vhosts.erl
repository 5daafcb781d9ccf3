%% The names of all virtual hosts.
Vhosts = fun() -> try rabbit_vhost:list_names() catch error:undef -> rabbit_vhost:list() end end,
