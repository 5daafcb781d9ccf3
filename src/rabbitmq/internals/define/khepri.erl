%% Whether Khepri stores the metadata. It does not exist before 3.13, and later versions may remove this function.
Khepri = fun() -> try rabbit_khepri:is_enabled() catch error:undef -> code:which(rabbit_mnesia) =:= non_existing end end,
