import os

ssh = {
    "ssh_config_file": os.environ["BENCH_SSH_CONFIG"],
    "ssh_known_hosts_file": os.environ["BENCH_KNOWN_HOSTS"],
    "ssh_strict_host_key_checking": "yes",
}

brokers = [(name, ssh) for name in ("node1", "node2", "node3")]
balancers = [("lb1", ssh)]
