#!/bin/bash
# The floor of a run with nothing to do, and of a plan: every host is asked once, all at once, for everything that
# decides what is to be done.
#   look.sh erl_call      the running node answers by itself
#   look.sh rabbitmqctl   a command-line tool is started for it
#   look.sh true          nothing is asked: what connecting alone costs
# With BENCH_OPEN=1 the connections in BENCH_SOCKETS are used, and opened first where they are not.
# shellcheck disable=SC2016  # the hosts expand it
set -euo pipefail
mode=$1
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

all='hostname
md5sum /etc/hosts /etc/chrony/chrony.conf
stat -c "%n %a %U %G" /etc/hosts /etc/chrony/chrony.conf
getent ahostsv4 node1 node2 node3 lb1
df -k /var/lib; cat /proc/meminfo | head -3
date +%s.%N'
broker='dpkg-query -W -f "\${Package} \${Version} \${db:Status-Status}\n" rabbitmq-server erlang-base chrony
systemctl show -p Id,ActiveState,UnitFileState rabbitmq-server chrony
md5sum /var/lib/rabbitmq/.erlang.cookie /etc/rabbitmq/rabbitmq.conf /etc/rabbitmq/enabled_plugins
stat -c "%n %a %U %G" /var/lib/rabbitmq/.erlang.cookie /etc/rabbitmq/rabbitmq.conf /etc/rabbitmq/enabled_plugins
ss -Hltn'
balancing='dpkg-query -W -f "\${Package} \${Version} \${db:Status-Status}\n" haproxy chrony
systemctl show -p Id,ActiveState,UnitFileState haproxy chrony
md5sum /etc/haproxy/haproxy.cfg
python3 -c "import socket; s = socket.socket(socket.AF_UNIX); s.connect(\"/run/haproxy/admin.sock\"); s.sendall(b\"show stat\\n\"); print(s.makefile().read())"'
expression='{node(), lists:sort(rabbit_nodes:all()), lists:sort(rabbit_nodes:all_running()), rabbit_nodes:cluster_name(),
 rabbit_node_monitor:partitions(), rabbit_alarm:get_alarms(), erlang:md5(atom_to_list(erlang:get_cookie())),
 rabbit_plugins:active(), rabbit_feature_flags:list(enabled)}'

look() {
  case $mode,$1 in
    true,*) echo true ;;
    "$mode,$balancer") printf '%s\n' 'set -e' "$all" "$balancing" ;;
    erl_call,*) printf '%s\n' 'set -e' "$all" "$broker" "$erl_call" "echo '$expression.' | ask" ;;
    *) printf '%s\n' 'set -e' "$all" "$broker" "rabbitmqctl -q eval '$expression.'" ;;
  esac
}

pids=()
for host in "${brokers[@]}" "$balancer"; do
  if [ "${BENCH_OPEN:-}" = 1 ]; then
    { ssh -F "$BENCH_SSH_CONFIG" -O check -S "$BENCH_SOCKETS/$host" "$host" 2>/dev/null || connect "$host"
      ssh -F "$BENCH_SSH_CONFIG" -S "$BENCH_SOCKETS/$host" "$host" "sudo -n sh -c $(quote "$(look "$host")")"; } &
  elif [ "$mode" = true ]; then
    ssh -F "$BENCH_SSH_CONFIG" -o BatchMode=yes "$host" true &
  else
    ssh -F "$BENCH_SSH_CONFIG" -o BatchMode=yes "$host" "sudo -n sh -c $(quote "$(look "$host")")" &
  fi
  pids+=($!)
done
wait_all "${pids[@]}"
