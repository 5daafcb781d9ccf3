["data_dir " ++ Text(Either([{rabbit, data_dir, []}, {rabbit_mnesia, dir, []}]))]
