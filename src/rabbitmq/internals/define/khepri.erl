%% Whether Khepri holds the metadata. Before 3.13 there is no Khepri, and some day there is no question.
Khepri = fun() -> try rabbit_khepri:is_enabled() catch error:undef -> code:which(rabbit_mnesia) =:= non_existing end end,
