# shellcheck shell=sh

# Before 3.8.18 a blank node waits for 5 to 60 random seconds before it enters (release notes of 3.8.18, rabbitmq-server PR
# #3075). Here one node enters at a time, so none needs to wait. Later versions ignore the setting, and 4.0 does not start with it:
# it is written only for an old installed version, and an upgrade removes it.
hasten_entry() {
  conf=/etc/rabbitmq/rabbitmq.conf delay=cluster_formation.randomized_startup_delay_range
  broker_is_older_than 3.8.18 || return 0
  # The dot preserves trailing line ends.
  text=$(as_rabbitmq 10 head -c 262144 "$conf" 2>/dev/null && echo .) || return 0
  text=${text%.}
  case $text in *"$delay"*) return 0 ;; esac
  text="$text
## RabbitMQ before 3.8.18: no random delay before it enters. Ignored at every later start.
$delay.min = 0
$delay.max = 1
"
  digest=$(printf %s "$text" | md5sum)
  enter_workshop "$conf"
  make_new "$conf" 640 root rabbitmq "${digest%% *}" "$text"
  place new "$conf" plain
  leave_workshop
  printf 'RabbitMQ %s would wait for up to a minute before it enters; %s disables that\n' "${version:?}" "$conf"
}

# rabbitmq.conf names the node to join. That node is queried first, with this host's cookie and over this
# host's network: this detects, before the start, what would make the blank node form a cluster of its own. A successful
# systemctl start proves nothing: a node that did not find its peer starts alone, silently.
enter_cluster() { # NODE MODE PATIENCE SEED
  node=$1 mode=$2 patience=$3 join_target=$4
  if ! await 10 is_serving "$join_target" "$mode"; then
    fail "$join_target does not answer this host, so $node was not started: $(why_not_reached "$join_target")" \
      "rabbitup doctor shows the fix; then run the same command again: this step changed nothing"
  fi
  hasten_entry
  comes_up "$node" "$mode" "$patience" "$join_target" || entry_failed "$node" "$join_target"
  if serves_alone "$node" "$mode" "$join_target"; then
    echo "$node started alone: its data directory was not empty when it looked for the cluster; it is joined by rabbitmqctl join_cluster"
    method=join-running
    ! broker_is_older_than 3.13.0 || method=stop-join-start
    join_cluster "$node" "$mode" "$patience" "$join_target" "$method" disc '0 0 0 0 0 0 0 0'
    return
  fi
  confirm_member "$node" "$mode" "$join_target"
}

# A node whose data was lost may still have replicas of streams in the cluster's view. The cluster starts them again as soon as
# the node's VM answers, up to two seconds before RabbitMQ looks into its data directory. One that is not empty belongs to no
# blank node, so it is not told to look for a cluster (rabbit_mnesia:is_virgin_node; seen on 3.10.8).
serves_alone() { # NODE MODE SEED
  alone=0
  lists "$1" "$2" "$3" >/dev/null || alone=$?
  [ "$alone" = 1 ]
}

entry_failed() { # NODE SEED
  # shellcheck disable=SC2154 # comes_up sets why
  [ -n "${seed_gone:-}" ] || broker_failed "$why"
  fail "$2 stopped answering while $1 entered its cluster, and $1 waits for it: $(why_not_reached "$2")" \
    "rabbitup doctor shows what is wrong with $2; then run the same command again: $1 continues as soon as $2 serves"
}
