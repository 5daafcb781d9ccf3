#!/bin/sh
# Serves the kept data of a node that left its cluster, under its old name and alone: its epmd has a separate port
# (4370), so that it finds no cluster and no cluster finds it. As user rabbitmq, who owns all of it:
#   sudo runuser -u rabbitmq -- sh DIRECTORY/serve         starts it and lists its queues
#   sudo runuser -u rabbitmq -- sh DIRECTORY/serve stop    stops it
# AMQP is on port 5673 of this host, with the users and passwords that the cluster had. How to move the messages:
# docs/playbooks/remove-node.md
set -eu
umask 027
kept=$(cd "$(dirname "$0")" && pwd)
[ "$(id -un)" = rabbitmq ] || { echo "run this as user rabbitmq: sudo runuser -u rabbitmq -- sh $0" >&2; exit 1; }
node=''
for path in "$kept"/*@*/; do
  case $path in *-plugins-expand/) ;; *) [ ! -d "$path" ] || node=$(basename "$path") ;; esac
done
[ -n "$node" ] || { echo "no data of a node in $kept" >&2; exit 1; }
export HOME=/var/lib/rabbitmq ERL_EPMD_PORT=4370 RABBITMQ_NODENAME="$node" RABBITMQ_MNESIA_BASE="$kept"
export RABBITMQ_DIST_PORT=25673 RABBITMQ_CONFIG_FILE="$kept/serve.conf" RABBITMQ_ENABLED_PLUGINS_FILE="$kept/serve.plugins"
export RABBITMQ_PLUGINS_EXPAND_DIR="$kept/serve.expand" RABBITMQ_LOGS="$kept/serve.log" RABBITMQ_PID_FILE="$kept/serve.pid"
case ${node#*@} in *.*) export RABBITMQ_USE_LONGNAME=true ;; esac
# The scripts behind Debian's wrappers, which would switch the user.
PATH=/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd "$kept"
if [ "${1:-start}" = stop ]; then
  pid=$(timeout 60 rabbitmqctl -q -n "$node" eval 'os:getpid().' 2>/dev/null | tr -cd 0-9) || pid=''
  timeout 120 rabbitmqctl -q -n "$node" stop || :
  # Its process ends a moment after the command, and would be mistaken for the node itself.
  tries=60
  while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && [ "$tries" -gt 0 ]; do
    sleep 1
    tries=$((tries - 1))
  done
  timeout 10 epmd -port 4370 -kill >/dev/null 2>&1 || :
  exit 0
fi
printf 'listeners.tcp.default = 5673\n' >serve.conf
# No plugins: the cluster's shovels and federation links would run here a second time.
printf '[].\n' >serve.plugins
# Mnesia waits for the members that it remembers, which are unreachable here. (With Khepri there is no such file.)
[ ! -e "$node/schema.DAT" ] || : >"$node/force_load"
rabbitmq-server -detached
echo "starting $node alone; it looks for its old cluster first, which takes up to a minute"
tries=120 forced=no
until timeout 60 rabbitmqctl -q -n "$node" await_startup --timeout 10 >/dev/null 2>&1; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || { tail -n 20 serve.log; echo "$node did not start; its log: $kept/serve.log" >&2; exit 1; }
  # Khepri waits for a majority of its old members; here this node is the only one.
  if [ "$forced" = no ] && [ ! -e "$node/schema.DAT" ]; then
    ! timeout 60 rabbitmqctl -q -n "$node" force_standalone_khepri_boot || forced=yes
  fi
  sleep 1
done
rabbitmqctl -q -n "$node" list_vhosts --silent name | while IFS= read -r vhost; do
  echo "virtual host $vhost:"
  timeout 60 rabbitmqctl -q -n "$node" list_queues -p "$vhost" --local name messages durable </dev/null
done
echo "$node serves on port 5673 of this host; to stop it: sudo runuser -u rabbitmq -- sh $kept/serve stop"
