["cluster_name " ++ Text(rabbit_nodes:cluster_name())]
