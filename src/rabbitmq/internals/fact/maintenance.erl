["maintenance " ++ atom_to_list(rabbit_maintenance:is_being_drained_local_read(node()))]
