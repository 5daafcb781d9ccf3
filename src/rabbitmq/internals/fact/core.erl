On = rabbit_feature_flags:list(enabled),
["core " ++ atom_to_list(maps:is_key(F, On)) ++ " " ++ Text(F)
    || {F, #{provided_by := rabbit}} <- maps:to_list(rabbit_feature_flags:list(all))]
