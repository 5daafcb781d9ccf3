["name " ++ Node(node())]
