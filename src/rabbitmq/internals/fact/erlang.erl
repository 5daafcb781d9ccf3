["erlang " ++ Text([erlang:system_info(otp_release), " (ERTS ", erlang:system_info(version), ")"])]
