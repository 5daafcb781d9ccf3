["link " ++ Node(N) || N <- nodes()]
