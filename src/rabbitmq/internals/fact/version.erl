{ok, V} = application:get_key(rabbit, vsn), ["version " ++ Text(V)]
