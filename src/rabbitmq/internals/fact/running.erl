["running " ++ Node(N) || N <- Running()]
