#!/bin/sh
# What verify.rs wants to know of a broker. Official tools only.
echo "host name $(hostname)"
# On RPM hosts the command reads its standard input, from which this script comes.
rabbitmqctl -q cluster_status --formatter json </dev/null | python3 -c '
import json, sys
status = json.load(sys.stdin)
print("members", ",".join(sorted(status["disk_nodes"])))
print("running", ",".join(sorted(status["running_nodes"])))
print("partitions", len(status["partitions"]))
print("alarms", len(status["alarms"]))
print("cluster name", status["cluster_name"])
'
cookie=/var/lib/rabbitmq/.erlang.cookie
echo "cookie $(md5sum <$cookie | cut -d' ' -f1) $(stat -c '%a %U' $cookie)"
echo "unit $(systemctl is-enabled rabbitmq-server) $(systemctl is-active rabbitmq-server)"
if systemctl cat chronyd >/dev/null 2>&1 && [ ! -e /usr/bin/dpkg ]; then time=chronyd; else time=chrony; fi
echo "time $(systemctl is-enabled $time) $(systemctl is-active $time)"
echo "plugins $(rabbitmq-plugins -q list --minimal -E </dev/null | grep -E '^rabbitmq_(management|prometheus)$' | sort | xargs)"
if [ -e /usr/sbin/policy-rc.d ]; then echo "policy-rc.d left behind"; else echo "policy-rc.d none"; fi
