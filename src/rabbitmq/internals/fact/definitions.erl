case rabbit_runtime_parameters:value_global(rabbitup_definitions) of
    not_found -> [];
    B when is_binary(B) -> ["definitions " ++ Text(B)];
    Other -> ["definitions " ++ Text(io_lib:format("~0p", [Other]))]
end
