# shellcheck shell=sh

# Before 3.8.18 a blank node waits for 5 to 60 random seconds before it enters (release notes of 3.8.18, rabbitmq-server PR
# #3075). Here one node enters at a time, so none has to. Later versions ignore the setting and 4.0 does not start with it:
# who writes it sees which version is installed, and an upgrade takes it out again.
hasten_entry() {
  conf=/etc/rabbitmq/rabbitmq.conf delay=cluster_formation.randomized_startup_delay_range
  broker_is_older_than 3.8.18 || return 0
  # The dot keeps the line ends at its end.
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
  printf 'RabbitMQ %s would wait for up to a minute before it enters; %s tells it not to\n' "${version:?}" "$conf"
}

# rabbitmq.conf tells a blank node where to look. The seed node is asked first, with this host's cookie and over this
# host's way: what would make the node found a cluster of its own is met before it starts. That systemctl start went
# well proves nothing: a node that did not find the seed node starts alone and says nothing.
enter_cluster() { # NODE MODE PATIENCE SEED
  node=$1 mode=$2 patience=$3 seed=$4
  if ! await 10 is_serving "$seed" "$mode"; then
    fail "$seed does not answer this host, so $node was not started: $(why_not_reached "$seed")" \
      "rabbitup doctor shows what fixes it; then run the same command again: this step changed nothing"
  fi
  hasten_entry
  comes_up "$node" "$mode" "$patience" "$seed" || entry_failed "$node" "$seed"
  if serves_alone "$node" "$mode" "$seed"; then
    echo "$node started alone: its data directory was not empty when it looked for the cluster; it is joined by rabbitmqctl join_cluster"
    method=join-running
    ! broker_is_older_than 3.13.0 || method=stop-join-start
    join_cluster "$node" "$mode" "$patience" "$seed" "$method" disc '0 0 0 0 0 0 0 0'
    return
  fi
  confirm_member "$node" "$mode" "$seed"
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
  # shellcheck disable=SC2154 # comes_up says why
  [ -n "${seed_gone:-}" ] || broker_failed "$why"
  fail "$2 stopped answering while $1 entered its cluster, and $1 waits for it: $(why_not_reached "$2")" \
    "rabbitup doctor says what is wrong with $2; then run the same command again: $1 goes on as soon as $2 serves"
}
