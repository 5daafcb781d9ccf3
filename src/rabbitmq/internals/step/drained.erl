rabbit_maintenance:is_being_drained_local_read(node())
