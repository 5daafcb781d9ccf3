#!/bin/bash
# The floor of a cold bring-up: what a script written for these four hosts alone can reach. It looks at nothing
# first, so it is no tool: it only tells how long the work itself takes.
#   bring_up.sh rabbitmqctl   blank brokers, joined one after the other with rabbitmqctl
#   bring_up.sh erl_call      the same, the very same functions called in the running node instead
#   bring_up.sh discovery     joiners find the seed node at their first start, in order, each confirmed from
#                             both sides before the next one starts
#   bring_up.sh staggered     the same; what is needed last (the third broker, the load balancer) begins only when
#                             the seed node is installed, which matters where hosts share processors
#   bring_up.sh parallel      like discovery, but all joiners start at once as soon as the seed node is up
set -euo pipefail
mode=$1
files=$(dirname "${BASH_SOURCE[0]}")/../files
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# file NAME DEST MODE [OWNER]: a line of script that writes a rendered file
file() {
  printf "(umask 077; cat >%s.new) <<'END-OF-FILE'\n%s\nEND-OF-FILE\n" "$2" "$(cat "$files/$1")"
  printf 'chown %s %s.new; chmod %s %s.new; mv %s.new %s\n' "${4:-root:root}" "$2" "$3" "$2" "$2" "$2"
}

# base HOST PACKAGE: what every host needs; packages are kept from starting their services
base() {
  cat <<S
set -eu
hostnamectl set-hostname $1
sed -i '/^127\.0\.1\.1[[:space:]]/d' /etc/hosts
cat >>/etc/hosts <<'END-OF-FILE'
$(cat "$files/hosts")
END-OF-FILE
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
{ apt-get -qq update && apt-get -qq install -y --no-install-recommends $2 chrony; } >/dev/null 2>&1 ||
  { rm -f /usr/sbin/policy-rc.d; exit 1; }
rm -f /usr/sbin/policy-rc.d
$(file "chrony.$([ "$1" = "$balancer" ] && echo balancer || echo broker).conf" /etc/chrony/chrony.conf 644)
systemctl --no-block start chrony
S
}

broker() {
  base "$1" rabbitmq-server
  file rabbitmq.conf /etc/rabbitmq/rabbitmq.conf 644
  case $mode in
    # Stopping the application costs 5 s once the management plugin runs, so it comes after the join.
    rabbitmqctl | erl_call) ;;
    *)
      file enabled_plugins /etc/rabbitmq/enabled_plugins 644 rabbitmq:rabbitmq
      [ "$1" = "$seed" ] || cat <<S
cat >>/etc/rabbitmq/rabbitmq.conf <<'END-OF-FILE'
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = rabbit@$seed
cluster_formation.classic_config.nodes.2 = rabbit@$1
cluster_formation.discovery_retry_limit = 100
cluster_formation.discovery_retry_interval = 100
END-OF-FILE
S
      ;;
  esac
  cat <<S
(umask 077; cat >/var/lib/rabbitmq/.erlang.cookie.new) <<'END-OF-FILE'
$(cat "$BENCH_COOKIE")
END-OF-FILE
truncate -s -1 /var/lib/rabbitmq/.erlang.cookie.new
chown rabbitmq:rabbitmq /var/lib/rabbitmq/.erlang.cookie.new
chmod 400 /var/lib/rabbitmq/.erlang.cookie.new
mv /var/lib/rabbitmq/.erlang.cookie.new /var/lib/rabbitmq/.erlang.cookie
[ "\$(md5sum </var/lib/rabbitmq/.erlang.cookie)" = "$(md5sum <"$BENCH_COOKIE")" ]
S
}

# plugins: enables them in a running broker
plugins() {
  file enabled_plugins /etc/rabbitmq/enabled_plugins 644 rabbitmq:rabbitmq
  if [ "$mode" = erl_call ]; then
    printf '%s\n' "$erl_call" "echo 'rabbit_plugins:ensure(\"/etc/rabbitmq/enabled_plugins\").' | ask"
  else
    echo 'rabbitmq-plugins -q enable rabbitmq_management rabbitmq_prometheus'
  fi
}

join() {
  if [ "$mode" = erl_call ]; then
    cat <<S
$erl_call
echo "rabbit:stop(), ok = rabbit_mnesia:join_cluster('rabbit@$seed', disc), rabbit:start(), ok." | ask
S
  else
    echo "set -e; rabbitmqctl -q stop_app; rabbitmqctl -q join_cluster rabbit@$seed; rabbitmqctl -q start_app"
  fi
}

# sees HOST MEMBER...: the node on HOST lists exactly these as its cluster, all of them running
sees() {
  local host=$1 list
  shift
  list=$(printf "rabbit@%s\n" "$@" | sort | paste -sd,)
  [ "$(printf '%s\n' "$erl_call" "echo '{lists:sort(rabbit_nodes:all()), lists:sort(rabbit_nodes:all_running())}.' | ask" |
    on "$host" | tr -d ' \n')" = "{ok,{[$list],[$list]}}" ] || {
    echo "$host does not see $list as its running cluster" >&2
    return 1
  }
}

# Every host's own way, as far as it can go alone.
prepare() {
  local i
  connect "$1"
  if [ "$mode" = staggered ] && [ "$1" != "$seed" ] && [ "$1" != "${brokers[1]}" ]; then
    for ((i = 0; i < 2400; i++)); do
      [ ! -e "$BENCH_SOCKETS/seed-installed" ] || break
      sleep 0.05
    done
  fi
  if [ "$1" = "$balancer" ]; then
    { base "$1" haproxy; file haproxy.cfg /etc/haproxy/haproxy.cfg.candidate 644
      echo 'haproxy -c -q -f /etc/haproxy/haproxy.cfg.candidate; mv /etc/haproxy/haproxy.cfg.candidate /etc/haproxy/haproxy.cfg'
    } | on "$1"
    return
  fi
  case $mode in
    discovery | staggered | parallel)
      broker "$1" | on "$1"
      [ "$1" != "$seed" ] || { touch "$BENCH_SOCKETS/seed-installed"; start "$1"; }
      ;;
    *) { broker "$1"; echo 'systemctl start rabbitmq-server'; } | on "$1" ;;
  esac
}
start() { echo 'systemctl start rabbitmq-server' | on "$1"; }

declare -A done_by
for host in "${brokers[@]}" "$balancer"; do
  prepare "$host" &
  done_by[$host]=$!
done
trap 'for host in "${brokers[@]}" "$balancer"; do disconnect "$host" || true; done' EXIT

wait "${done_by[$seed]}"
sees "$seed" "$seed"
name="rabbitmqctl -q set_cluster_name bench"
[ "$mode" = rabbitmqctl ] || name="$erl_call
echo 'rabbit_nodes:set_cluster_name(<<\"bench\">>, <<\"ops\">>).' | ask"
others=()
members=("$seed")
case $mode in
  rabbitmqctl | erl_call)
    { plugins; echo "$name"; } | on "$seed" >/dev/null & others+=($!)
    for host in "${brokers[@]:1}"; do
      wait "${done_by[$host]}"
      join | on "$host" >/dev/null
      members+=("$host")
      sees "$seed" "${members[@]}"
      sees "$host" "${members[@]}"
      plugins | on "$host" >/dev/null & others+=($!)
    done
    ;;
  discovery | staggered)
    echo "$name" | on "$seed" >/dev/null & others+=($!)
    for host in "${brokers[@]:1}"; do
      wait "${done_by[$host]}"
      start "$host"
      members+=("$host")
      sees "$seed" "${members[@]}"
      sees "$host" "${members[@]}"
    done
    ;;
  parallel)
    echo "$name" | on "$seed" >/dev/null & others+=($!)
    for host in "${brokers[@]:1}"; do
      wait "${done_by[$host]}"
      start "$host" & others+=($!)
      members+=("$host")
    done
    ;;
esac
wait_all "${others[@]}"
wait "${done_by[$balancer]}"
others=()
for host in "${brokers[@]}"; do sees "$host" "${members[@]}" & others+=($!); done
{ echo 'systemctl start haproxy'; cat "$files/backends-up.sh"; } | on "$balancer" & others+=($!)
wait_all "${others[@]}"
