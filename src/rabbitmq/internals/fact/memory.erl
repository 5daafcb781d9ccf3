["memory " ++ Int(Either([{vm_memory_monitor, get_process_memory, []}, {erlang, memory, [total]}]))]
