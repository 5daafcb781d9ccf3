#!/bin/sh
# Waits until HAProxy on this host sees every server UP; at most 60 s. Root only.
set -u
query='
import socket
s = socket.socket(socket.AF_UNIX)
s.connect("/run/haproxy/admin.sock")
s.sendall(b"show stat\n")
rows = [line.split(",") for line in s.makefile().read().splitlines() if line and line[0] != "#"]
states = [row[17] for row in rows if row[1] not in ("FRONTEND", "BACKEND")]
raise SystemExit(not states or any(state != "UP" for state in states))
'
i=0
while [ $i -lt 240 ]; do
  python3 -c "$query" 2>/dev/null && exit 0
  i=$((i + 1))
  sleep 0.25
done
echo "after 60 s not every server is UP in HAProxy" >&2
exit 1
