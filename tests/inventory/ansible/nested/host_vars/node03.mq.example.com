ansible_host: 10.5.0.13
ansible_port: 2203
