#!/bin/sh
# What verify.rs wants to know of the load balancer.
echo "host name $(hostname)"
if haproxy -c -q -f /etc/haproxy/haproxy.cfg; then echo 'configuration valid'; else echo 'configuration broken'; fi
python3 -c '
import socket
s = socket.socket(socket.AF_UNIX)
import os
s.connect(next(path for path in ("/run/haproxy/admin.sock", "/var/lib/haproxy/stats") if os.path.exists(path)))
s.sendall(b"show stat\n")
rows = [line.split(",") for line in s.makefile().read().splitlines() if line and line[0] != "#"]
for backend in ("rabbitmq", "management"):
    print(backend, *[row[17] for row in rows if row[0] == backend and row[1] not in ("FRONTEND", "BACKEND")])
'
echo "unit $(systemctl is-enabled haproxy) $(systemctl is-active haproxy)"
if systemctl cat chronyd >/dev/null 2>&1 && [ ! -e /usr/bin/dpkg ]; then time=chronyd; else time=chrony; fi
echo "time $(systemctl is-enabled $time) $(systemctl is-active $time)"
if [ -e /usr/sbin/policy-rc.d ]; then echo "policy-rc.d left behind"; else echo "policy-rc.d none"; fi
