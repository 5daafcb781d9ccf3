# shellcheck shell=bash disable=SC2034,SC2016
# For the scripts beside this file. The benchmark sets:
#   BENCH_SSH_CONFIG   how to log in
#   BENCH_COOKIE       the file with the Erlang cookie
#   BENCH_SOCKETS      a private directory for the sockets of open connections

brokers=(node1 node2 node3)
balancer=lb1
seed=${brokers[0]}

# Runs the script on stdin as root; over the host's own connection where one is open.
on() { ssh -F "$BENCH_SSH_CONFIG" -o BatchMode=yes -S "$BENCH_SOCKETS/$1" "$1" "sudo -n sh -s"; }
connect() { ssh -F "$BENCH_SSH_CONFIG" -o BatchMode=yes -MNf -S "$BENCH_SOCKETS/$1" "$1"; }
disconnect() { ssh -F "$BENCH_SSH_CONFIG" -O exit -S "$BENCH_SOCKETS/$1" "$1" 2>/dev/null; }

# Asks the Erlang node on this host; an expression on stdin. For use on the hosts.
erl_call='ask() {
  env HOME=/var/lib/rabbitmq setpriv --reuid rabbitmq --regid rabbitmq --init-groups \
    erl_call -r -sname "rabbit@$(hostname)" -e
}'

# quote TEXT: one word for any shell
quote() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

# wait_all PID...: false when one failed
wait_all() {
  local pid failed=0
  for pid in "$@"; do wait "$pid" || failed=1; done
  return $failed
}
