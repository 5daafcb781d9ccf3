# shellcheck shell=sh

# Lets them take messages again.
reopen() { # NODE MODE
  node_says reopened "$1" "$2" 'case whereis(rabbitup_closed) of undefined -> reopened; P -> P ! {reopen, self()}, receive reopened -> reopened after 5000 -> silent end end' >/dev/null
}

is_not_running() { # NODE MODE OTHER
  [ "$(node_eval "$1" "$2" "lists:member('$3', try rabbit_nodes:list_running() catch error:undef -> rabbit_mnesia:cluster_nodes(running) end)")" = false ]
}

# The queues that list a node as one of their replicas, also those that are down: KIND and both names in Base64.
queues_on() { # NODE MODE OTHER
  # shellcheck disable=SC2154 # replicas_erl stands before queues.sh
  node_eval "$1" "$2" "$replicas_erl
On = fun(Q) -> lists:member('$3', Replicas(Q)) end, Kind = fun(Q) -> case amqqueue:get_type(Q) of rabbit_stream_queue -> \"stream\"; _ -> \"quorum\" end end, B = fun(X) -> base64:encode_to_string(X) end, lists:flatten([[Kind(Q), \" \", B(V), \" \", B(M), \" \"] || Q <- rabbit_amqqueue:list(), On(Q), {resource, V, queue, M} <- [amqqueue:get_name(Q)]])" |
    plain
}

# Forgetting shrinks quorum queues on every version; 3.10 leaves streams with a member that is none, and its own tool
# refuses to take out one that does not run (node_not_running), so there the stream coordinator is told itself.
release_queues() { # NODE MODE GONE
  rabbit_tool 300 rabbitmq-queues -q -n "$1" shrink "$3" || :
  node_eval "$1" "$2" "$replicas_erl
[rabbit_stream_coordinator:delete_replica(maps:get(name, amqqueue:get_type_state(Q)), '$3') || Q <- rabbit_amqqueue:list(), amqqueue:get_type(Q) =:= rabbit_stream_queue, lists:member('$3', Replicas(Q))]" || :
}

# Of two members neither has a majority without the other: what both must agree to is done while both run.
release_node() { # NODE MODE GONE
  no_queue_on "$@" || release_queues "$@"
  await 30 no_queue_on "$@" ||
    fail "queues still list $3: $(queue_names_on "$@" | cut -c 1-300)" "rabbitmq-queues shrink $3 on $1; for streams rabbitmq-streams delete_replica"
}

no_queue_on() { # NODE MODE GONE
  [ -z "$(queues_on "$@" | tr -d ' ')" ]
}

queue_names_on() { # NODE MODE GONE
  # shellcheck disable=SC2046 # as above
  set -- $(queues_on "$@")
  while [ $# -ge 3 ]; do
    printf '%s ' "$(printf %s "$3" | base64 -d)"
    shift 3
  done
}

# Mnesia's nodes wait for the one that stopped last. Where that never comes back, the one that stopped right before it
# is told to do without; quorum queues are shrunk once it runs.
forget_offline() { # NODE GONE
  bounded 300 systemctl stop rabbitmq-server || :
  bounded 10 systemctl reset-failed rabbitmq-server 2>/dev/null || :
  await 60 name_is_free "$1" || fail "$1 still runs"
  control 300 "$1" forget_cluster_node --offline "$2" ||
    fail "$1 did not forget $2" "the lines above are RabbitMQ's own words"
}

# As rabbitmq: all of this is in its home, where root would follow a link.
make_kept() { # DIRECTORY
  as_rabbitmq 30 install -d -m 0750 /var/lib/rabbitmq/rabbitup-kept "$1" || not_kept /var/lib/rabbitmq
}

not_kept() { # PATH
  fail "$1 could not be moved aside by user rabbitmq (the lines above say why), so it stays where it is" \
    "what lies under /var/lib/rabbitmq must be rabbitmq's: ls -la /var/lib/rabbitmq; df -h /var/lib/rabbitmq"
}

# The members, of them the disc nodes, and those that run, as a node sees them: Erlang terms, in Base64.
members_as_terms() { # NODE MODE
  node_eval "$1" "$2" 'base64:encode_to_string(lists:flatten(io_lib:format("{~0p,~0p}.~n", [rabbit_mnesia:cluster_nodes(all), rabbit_mnesia:cluster_nodes(disc)])))' |
    plain | base64 -d
}

running_as_terms() { # NODE MODE
  node_eval "$1" "$2" 'base64:encode_to_string(lists:flatten(io_lib:format("~0p.~n", [rabbit_mnesia:cluster_nodes(running)])))' |
    plain | base64 -d
}

# What `rabbitmqctl update_cluster_nodes` did up to 3.12 (rabbit_mnesia:update_cluster_nodes/1: the notes of who the
# members are, and no schema, which comes from the peers); from 3.13 on the command is a no-op that returns 0. The schema
# is kept aside; queues, messages and Raft logs stay where they are.
follow_peer() { # NODE MODE PEER
  node=$1 mode=$2 peer=$3
  data=/var/lib/rabbitmq/mnesia/$node
  as_rabbitmq 5 test -d "$data" || fail "$node has no data on this host"
  # A node that cannot boot is started again and again by its unit, or waits for tables.
  bounded 300 systemctl stop rabbitmq-server || :
  bounded 10 systemctl reset-failed rabbitmq-server 2>/dev/null || :
  await 60 name_is_free "$node" || fail "$node still runs"
  await 10 is_serving "$peer" "$mode" || fail "$peer does not answer this host: $(why_not_reached "$peer")"
  lists "$peer" "$mode" "$node" || fail "$peer does not list $node" "run the same command again: it looks anew"
  members=$(members_as_terms "$peer" "$mode")
  running=$(running_as_terms "$peer" "$mode")
  case $members in '{['*']}.') ;; *) fail "$peer does not say who the members are (its answer: $members)" ;; esac
  kept=/var/lib/rabbitmq/rabbitup-kept/$node.$(date -u +%Y%m%dT%H%M%SZ)
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
