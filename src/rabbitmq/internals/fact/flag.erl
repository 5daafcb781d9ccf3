["flag " ++ Text(F) || F <- maps:keys(rabbit_feature_flags:list(disabled, stable))]
