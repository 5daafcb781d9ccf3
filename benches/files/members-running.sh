#!/bin/sh
# members-running.sh BROKER...: succeeds when this node sees exactly these brokers, all running, no partition
# and no alarm. Root only.
set -eu
rabbitmqctl -q cluster_status --formatter json | python3 -c '
import json, sys
status = json.load(sys.stdin)
wanted = sorted("rabbit@" + name for name in sys.argv[1:])
raise SystemExit(
    sorted(status["disk_nodes"]) != wanted
    or sorted(status["running_nodes"]) != wanted
    or bool(status["partitions"])
    or bool(status["alarms"])
)
' "$@"
