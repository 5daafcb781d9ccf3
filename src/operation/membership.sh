# shellcheck shell=sh

# Opens the queues again.
reopen() { # NODE MODE
  says reopened reopen "$1" "$2" >/dev/null
}

is_not_running() { # NODE MODE OTHER
  says false runs "$1" "$2" "X = '$3',"
}

# Forgetting shrinks quorum queues on every version; 3.10 leaves streams with a removed member, and its own tool
# refuses to remove a stopped one (node_not_running), so there the stream coordinator is called directly.
release_queues() { # NODE MODE GONE
  rabbit_tool 300 rabbitmq-queues -q -n "$1" shrink "$3" || :
  ask release_streams "$1" "$2" "X = '$3'," || :
}

# Of two members neither has a majority without the other, so this is done while both run.
release_node() { # NODE MODE GONE
  no_queue_on "$@" >/dev/null || release_queues "$@"
  # shellcheck disable=SC2154 # await sets answer
  await 30 no_queue_on "$@" ||
    fail "queues still list $3: $(printf %s "$answer" | cut -c 1-300)" "rabbitmq-queues shrink $3 on $1; for streams rabbitmq-streams delete_replica"
}

# Whether no queue, running or down, lists GONE as a replica; prints those that do.
no_queue_on() { # NODE MODE GONE
  asked=0
  listed=$(ask queues_on "$1" "$2" "X = '$3',") || asked=$?
  [ "$asked" = 0 ] || { printf '%s\n' "$listed"; return "$asked"; }
  # shellcheck disable=SC2086 # KIND and both names in Base64
  set -- $listed
  [ $# -gt 0 ] || return 0
  while [ $# -ge 3 ]; do
    printf '%s ' "$(printf %s "$3" | base64 -d)"
    shift 3
  done
  return 1
}

# With Mnesia, nodes wait for the one that stopped last. If that one is lost, the one that stopped right before it
# forgets it; quorum queues are shrunk once it runs.
forget_offline() { # NODE GONE
  bounded 300 systemctl stop rabbitmq-server || :
  bounded 10 systemctl reset-failed rabbitmq-server 2>/dev/null || :
  await 60 name_is_free "$1" || fail "$1 still runs"
  # The tool of 3.8 does not find these by itself ("mnesia_dir_not_found", "feature_flags_file_not_found").
  (
    read_environment
    # shellcheck disable=SC2154 # read_environment sets it
    export RABBITMQ_FEATURE_FLAGS_FILE="$data_base/$1-feature_flags"
    RABBITMQ_MNESIA_DIR=$(data_of "$1")
    export RABBITMQ_MNESIA_DIR
    control 300 "$1" forget_cluster_node --offline "$2"
  ) ||
    fail "$1 did not forget $2" "RabbitMQ's error is in the lines above"
}

# As rabbitmq: all of this is in its home, where root would follow a link.
make_kept() { # DIRECTORY
  as_rabbitmq 30 install -d -m 0750 "${1%/*}" "$1" || not_kept "${1%/*}"
}

not_kept() { # PATH
  fail "user rabbitmq could not move $1 aside (the lines above show why), so it was not moved" \
    "user rabbitmq must own everything there: ls -la ${1%/*}; df -h ${1%/*}"
}

# What `rabbitmqctl update_cluster_nodes` did up to 3.12 (rabbit_mnesia:update_cluster_nodes/1: the files that list the
# members, without the schema, which comes from the peers); from 3.13 on the command is a no-op that returns 0. The schema
# is moved aside; queues, messages and Raft logs stay.
follow_peer() { # NODE MODE PEER
  node=$1 mode=$2 peer=$3
  read_environment
  data=$(data_of "$node")
  as_rabbitmq 5 test -d "$data" || fail "$node has no data on this host"
  # A node that cannot boot is restarted by its unit, or waits for tables.
  bounded 300 systemctl stop rabbitmq-server || :
  bounded 10 systemctl reset-failed rabbitmq-server 2>/dev/null || :
  await 60 name_is_free "$node" || fail "$node still runs"
  await 10 is_serving "$peer" "$mode" || fail "$peer does not answer this host: $(why_not_reached "$peer")"
  lists "$peer" "$mode" "$node" || fail "$peer does not list $node" "run the same command again: it checks again"
  notes=$(ask mnesia_notes "$peer" "$mode") || fail "$peer does not list the members: $notes"
  members=$(printf '%s\n' "$notes" | sed -n 1p) running=$(printf '%s\n' "$notes" | sed -n 2p)
  case $members:$running in '{['*']}.:['*'].') ;; *) fail "$peer does not list the members (its answer: $notes)" ;; esac
  kept=$(kept_base)/$node.$(date -u +%Y%m%dT%H%M%SZ)
  make_kept "$kept"
  as_rabbitmq 30 cp -p "$data/cluster_nodes.config" "$data/nodes_running_at_shutdown" "$kept/" 2>/dev/null || :
  for path in "$data"/schema.DAT "$data"/LATEST.LOG "$data"/PREVIOUS.LOG "$data"/DECISION_TAB.LOG "$data"/*.DCD "$data"/*.DCL; do
    # shellcheck disable=SC2016 # the inner shell's arguments
    as_rabbitmq 300 sh -c '[ ! -e "$1" ] || mv -n "$1" "$2/"' sh "$path" "$kept" || not_kept "$path"
  done
  printf '%s\n' "$members" | as_rabbitmq 10 tee "$data/cluster_nodes.config" >/dev/null || not_kept "$data/cluster_nodes.config"
  printf '%s\n' "$running" | as_rabbitmq 10 tee "$data/nodes_running_at_shutdown" >/dev/null || not_kept "$data/nodes_running_at_shutdown"
  printf 'the old schema is kept in %s\n' "$kept"
}
