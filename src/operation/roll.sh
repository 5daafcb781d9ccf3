# shellcheck shell=sh

# One of RabbitMQ's checks. A check that fails and a node that does not answer have the same exit code (69); the answer in
# JSON tells them apart. Returns 1 for the former, 2 for the latter.
passes() { # NODE CHECK
  rc=0
  said=$(rabbit_tool 60 rabbitmq-diagnostics -n "$1" "$2" --formatter json 2>&1) || rc=$?
  [ "$rc" != 0 ] || return 0
  printf '%s\n' "$said"
  case $rc:$said in
    69:*'"result":"error"'*) return 1 ;;
    # The version does not know the check: without mirrored queues there is nothing to ask.
    64:*) [ "$2" != check_if_node_is_mirror_sync_critical ] || return 0 ;;
  esac
  return 2
}

# Whether the cluster can spare the node right now: no queue and nothing that the nodes have in common would lose its quorum,
# and on versions with mirrored queues none its last synchronised mirror. Prints the check that fails.
can_be_spared() { # NODE
  for check in check_if_node_is_quorum_critical check_if_node_is_mirror_sync_critical; do
    asked=0
    passes "$1" "$check" >/dev/null || asked=$?
    [ "$asked" = 0 ] || { printf '%s\n' "$check"; return "$asked"; }
  done
}

# Whether systemd has the node of this very host stopped; it will not answer then, however long one waits.
is_stopped_here() { # NODE
  case ${1#*@} in "$(hostname)" | "$(hostname)".*) ;; *) return 1 ;; esac
  case $(systemctl is-active rabbitmq-server) in inactive | failed) ;; *) return 1 ;; esac
}

# Right after another node's restart its replicas may still catch up, so the answer is waited for. Nothing has been done to
# the node yet, so an interrupt ends the wait.
await_spare() { # NODE PATIENCE
  read_clock
  # shellcheck disable=SC2154 # read_clock sets clock
  end=$((clock + $2 * 100))
  while :; do
    asked=0
    check=$(can_be_spared "$1") || asked=$?
    [ "$asked" != 0 ] || return 0
    ! is_stopped_here "$1" || fail "$1 was stopped meanwhile, by somebody else" "run the same command again: what is stopped is started first"
    # shellcheck disable=SC2154 # prelude.sh sets it
    [ ! -e "$stop_file" ] || fail "$1 was not stopped: the run was interrupted while it waited until the cluster can spare it" "run the same command again"
    read_clock
    [ "$clock" -lt "$end" ] || not_spared "$1" "$check" "$asked"
    sleep 1
  done
}

not_spared() { # NODE CHECK 1|2
  # In RabbitMQ's words for people.
  rabbit_tool 60 rabbitmq-diagnostics -q -n "$1" "$2" 2>&1 || :
  case $3:$2 in
    1:check_if_node_is_mirror_sync_critical) then='rabbitup run sync-queue brings mirrors up to date that do not do so by themselves' ;;
    1:*) then='bring the other nodes up and in sync first: rabbitup status' ;;
    *) fail "$1 could not be asked whether the cluster can spare it, so it was not stopped" "rabbitup status shows what is wrong with it" ;;
  esac
  fail "$1 is needed right now, by a majority or as the last mirror of a queue, so it was not stopped" "$then"
}

# The leaders that drain hands over are elected by the others a moment later; a stop in between costs a moment more.
leads_nothing() { # NODE MODE
  says 0 leads "$1" "$2"
}

is_drained() { # NODE MODE
  says true drained "$1" "$2"
}

is_not_drained() { # NODE MODE
  says false drained "$1" "$2"
}

# Whether nobody can note that a node is drained: 3.10 keeps the table in one node's memory, and when members were forgotten
# while that node was down, it comes back without it until its next start.
notes_no_drain() { # NODE MODE
  says nowhere drain_noted "$1" "$2" >/dev/null
}

# drain and revive may report an error though they did it (rabbitmq-server#3369, #8414): the state counts, where there is
# one. Without, drain closes connections and moves leaders all the same, and the restart is what mends it.
maintain() { # NODE MODE
  drained=0
  rabbit_tool 180 rabbitmq-upgrade -q -n "$1" drain || drained=$?
  if [ "$drained" = 0 ] && notes_no_drain "$1" "$2"; then
    printf 'it is drained, but its cluster has lost the table for maintenance modes; starts bring it back\n'
    return 0
  fi
  await 10 is_drained "$1" "$2"
}

drain() { # NODE MODE
  if ! maintain "$1" "$2"; then
    revive "$1" "$2" || :
    fail "$1 could not be drained, so it was not stopped (its last answer: ${answer:-none})" \
      "the lines above are RabbitMQ's own words"
  fi
  # shellcheck disable=SC2034 # fail reads it, and this is no failure
  await 10 leads_nothing "$1" "$2" || untold=
}

revive() { # NODE MODE
  ! is_not_drained "$1" "$2" >/dev/null || return 0
  rabbit_tool 180 rabbitmq-upgrade -q -n "$1" revive || :
  await 10 is_not_drained "$1" "$2"
}

revive_node() { # NODE MODE
  revive "$1" "$2" || fail "$1 stays in maintenance mode" "the lines above are RabbitMQ's own words"
}

# Out of service: asked for first, since a drained node always passes the check (release notes of 3.8.10).
take_out() { # NODE MODE PATIENCE none|drain|quorum-critical
  [ "$4" != none ] || return 0
  [ "$4" = drain ] || await_spare "$1" "$3"
  drain "$1" "$2"
}

all_members_run() { # NODE MODE
  says 0 absent "$1" "$2"
}

# Back in service: it serves, sees everybody, takes clients, and what it holds has caught up.
bring_back() { # NODE MODE PATIENCE none|drain|quorum-critical
  start_broker "$1" "$2" "$3"
  serve_again "$@"
}

serve_again() { # NODE MODE PATIENCE none|drain|quorum-critical
  [ "$4" != none ] || return 0
  await "$3" all_members_run "$1" "$2" || fail "$1 serves, but does not see every member run" "rabbitup status shows who sees what"
  revive_node "$1" "$2"
  await_replicas "$1" "$2" "$3" "$1"
}

restart_broker() { # NODE MODE PATIENCE none|drain|quorum-critical
  take_out "$@"
  stop_broker "$1"
  comes_up "$1" "$2" "$3" || go_back "$@"
  serve_again "$@"
}
