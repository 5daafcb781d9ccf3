# shellcheck shell=sh

# Runs one of RabbitMQ's checks. A failed check and a node that does not answer have the same exit code (69); the answer in
# JSON distinguishes them. Returns 1 for the former, 2 for the latter.
passes() { # NODE CHECK
  rc=0
  said=$(rabbit_tool 60 rabbitmq-diagnostics -n "$1" "$2" --formatter json 2>&1) || rc=$?
  [ "$rc" != 0 ] || return 0
  printf '%s\n' "$said"
  case $rc:$said in
    69:*'"result":"error"'*) return 1 ;;
    # The version does not have the check: without mirrored queues it is not needed.
    64:*) [ "$2" != check_if_node_is_mirror_sync_critical ] || return 0 ;;
  esac
  return 2
}

# Whether the node can be stopped now: no queue and no shared component would lose its quorum,
# and on versions with mirrored queues no queue its last synchronised mirror. Prints the check that fails.
can_be_spared() { # NODE
  for check in check_if_node_is_quorum_critical check_if_node_is_mirror_sync_critical; do
    asked=0
    passes "$1" "$check" >/dev/null || asked=$?
    [ "$asked" = 0 ] || { printf '%s\n' "$check"; return "$asked"; }
  done
}

# Whether systemd has stopped the node of this host; then it will never answer.
is_stopped_here() { # NODE
  case ${1#*@} in "$(hostname)" | "$(hostname)".*) ;; *) return 1 ;; esac
  case $(systemctl is-active rabbitmq-server) in inactive | failed) ;; *) return 1 ;; esac
}

# Right after another node's restart its replicas may still catch up, so this waits. Nothing has been done to
# the node yet, so an interrupt ends the wait.
await_spare() { # NODE PATIENCE
  doing awaiting-spare
  read_clock
  # shellcheck disable=SC2154 # read_clock sets clock
  end=$((clock + $2 * 100))
  while :; do
    asked=0
    check=$(can_be_spared "$1") || asked=$?
    [ "$asked" != 0 ] || return 0
    ! is_stopped_here "$1" || fail "$1 was stopped meanwhile, but not by this run" "run the same command again: it starts stopped nodes first"
    # shellcheck disable=SC2154 # prelude.sh sets it
    [ ! -e "$stop_file" ] || fail "$1 was not stopped: the run was interrupted while it waited until the node could be stopped safely" "run the same command again"
    read_clock
    [ "$clock" -lt "$end" ] || not_spared "$1" "$check" "$asked"
    sleep 1
  done
}

not_spared() { # NODE CHECK 1|2
  # RabbitMQ's error message.
  rabbit_tool 60 rabbitmq-diagnostics -q -n "$1" "$2" 2>&1 || :
  case $3:$2 in
    1:check_if_node_is_mirror_sync_critical) then='rabbitup run sync-queue brings mirrors up to date that do not do so by themselves' ;;
    1:*) then='bring the other nodes up and in sync first: rabbitup status' ;;
    *) fail "the check whether $1 can be stopped safely got no answer, so it was not stopped" "rabbitup status shows what is wrong with it" ;;
  esac
  fail "$1 is needed now, for a majority or as the last mirror of a queue, so it was not stopped" "$then"
}

# The others elect new leaders a moment after the drain; a stop before that would prolong the gap.
leads_nothing() { # NODE MODE
  says 0 leads "$1" "$2"
}

is_drained() { # NODE MODE
  says true drained "$1" "$2"
}

is_not_drained() { # NODE MODE
  says false drained "$1" "$2"
}

# Whether the state "drained" cannot be stored: 3.10 keeps the table in one node's memory, and if members were forgotten
# while that node was down, the table is missing until the node's next start.
notes_no_drain() { # NODE MODE
  doing draining
  says nowhere drain_noted "$1" "$2" >/dev/null
}

# drain and revive may report an error although they succeeded (rabbitmq-server#3369, #8414): the state counts, if there is
# one. Without it, drain still closes connections and moves leaders, and the restart restores the table.
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
      "RabbitMQ's error is in the lines above"
  fi
  # shellcheck disable=SC2034 # fail reads it, and this is not a failure
  await 10 leads_nothing "$1" "$2" || untold=
}

revive() { # NODE MODE
  ! is_not_drained "$1" "$2" >/dev/null || return 0
  rabbit_tool 180 rabbitmq-upgrade -q -n "$1" revive || :
  await 10 is_not_drained "$1" "$2"
}

revive_node() { # NODE MODE
  revive "$1" "$2" || fail "$1 stays in maintenance mode" "RabbitMQ's error is in the lines above"
}

# Takes a node out of service. The check comes first, since a drained node always passes it (release notes of 3.8.10).
take_out() { # NODE MODE PATIENCE none|drain|quorum-critical
  [ "$4" != none ] || return 0
  [ "$4" = drain ] || await_spare "$1" "$3"
  drain "$1" "$2"
}

all_members_run() { # NODE MODE
  says 0 absent "$1" "$2"
}

# Back in service: it serves, sees all members, accepts clients, and its replicas have caught up.
bring_back() { # NODE MODE PATIENCE none|drain|quorum-critical
  start_broker "$1" "$2" "$3"
  serve_again "$@"
}

serve_again() { # NODE MODE PATIENCE none|drain|quorum-critical
  [ "$4" != none ] || return 0
  doing awaiting-members
  await "$3" all_members_run "$1" "$2" || fail "$1 serves, but does not see every member running" "rabbitup status shows which node sees which"
  revive_node "$1" "$2"
  await_replicas "$1" "$2" "$3" "$1"
}

restart_broker() { # NODE MODE PATIENCE none|drain|quorum-critical
  take_out "$@"
  stop_broker "$1"
  comes_up "$1" "$2" "$3" || go_back "$@"
  serve_again "$@"
}
