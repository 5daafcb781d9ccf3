# shellcheck shell=sh

# `ok 12`, or `2 of 62: NAME NAME`.
has_caught_up() { # NODE MODE REPLICAS-ON
  asked=0
  behind=$(ask caught_up "$1" "$2" "X = '$3',") || asked=$?
  printf '%s\n' "$behind"
  [ "$asked" = 0 ] || return "$asked"
  case $behind in 'ok '*) ;; *) return 1 ;; esac
}

# Names may contain any characters, so lists of them are in Base64.
decoded() { # WORD...
  for word in "$@"; do printf '%s ' "$(printf %s "$word" | base64 -d)"; done
}

# Prints how many queues were asked, if any.
ask_to_synchronise() { # NODE MODE REPLICAS-ON
  waiting=$(ask synchronise "$1" "$2" "X = '$3',") || return 0
  case $waiting in
    '' | 0 | *[!0-9]*) ;;
    *) printf 'RabbitMQ was asked to synchronise mirrors on %s, according to their policy (queues: %s)\n' "$3" "$waiting" ;;
  esac
}

# Prints now and then which replicas are behind, so that a long wait does not look like a hang.
await_replicas() { # NODE MODE PATIENCE REPLICAS-ON
  doing awaiting-replicas
  read_clock
  # shellcheck disable=SC2154 # read_clock sets clock
  end=$((clock + $3 * 100)) ask_at=$((clock + 2000)) said=''
  while :; do
    asked=0
    answer=$(has_caught_up "$1" "$2" "$4") || asked=$?
    # shellcheck disable=SC2034 # fail reads untold
    case $asked in
      0) return 0 ;;
      44) untold=$answer; fail "it is unknown whether the replicas on $4 have caught up" ;;
    esac
    read_clock
    if [ "$clock" -ge "$ask_at" ]; then
      ask_to_synchronise "$1" "$2" "$4"
      ask_at=$((clock + 3000))
    fi
    if [ "$clock" -ge "$end" ]; then
      fail "waiting for replicas on $4 timed out after $3 s: ${answer:-no answer}" \
        "a mirrored queue without automatic synchronisation needs rabbitup run sync-queue; the others continue by themselves"
    fi
    [ "$answer" = "$said" ] || printf 'waiting for replicas on %s: %s\n' "$4" "$answer"
    said=$answer
    sleep 0.5
  done
}

# A regular expression that matches only this name.
exactly() { # NAME
  printf %s "$1" | sed 's/[].[\\^$*+?(){}|/-]/\\&/g'
}

grow_quorum() { # NODE ONTO VHOST PATTERN
  [ -n "$4" ] || return 0
  rabbit_tool 600 rabbitmq-queues -q -n "$1" grow "$2" all --vhost-pattern "^$(exactly "$3")\$" --queue-pattern "^($4)\$"
}

# Whether all of these queues have a replica there: `{VHOST, NAME}, …` in Erlang. Prints those without.
has_replicas() { # NODE MODE ONTO QUEUES
  asked=0
  lacking=$(ask lacking "$1" "$2" "X = '$3', Queues = [$4],") || asked=$?
  [ "$asked" = 0 ] || { printf '%s\n' "$lacking"; return "$asked"; }
  # shellcheck disable=SC2086 # names in Base64
  decoded $lacking
  [ -z "$lacking" ]
}

# Adjacent queues of one virtual host share a call: each call starts an Erlang VM. The tool exits with 0 if it did nothing
# (3.10, for a node that is not a member), so the replicas are checked instead.
grow_replicas() { # NODE MODE PATIENCE ONTO [KIND VHOST NAME]...
  node=$1 mode=$2 patience=$3 onto=$4
  shift 4
  vhost='' pattern='' count=0 queues=''
  while [ $# -ge 3 ]; do
    queues="$queues${queues:+, }{$(binary "$2"), $(binary "$3")}"
    if [ "$1" = stream ]; then
      await 60 grow_stream "$node" "$mode" "$onto" "$2" "$3" ||
        fail "the stream $3 got no replica on $onto" "RabbitMQ's last answer: $answer"
    else
      if [ "$2" != "$vhost" ] || [ "$count" -ge 100 ]; then
        grow_quorum "$node" "$onto" "$vhost" "$pattern" || grow_failed
        vhost=$2 pattern='' count=0
      fi
      pattern=$pattern${pattern:+|}$(exactly "$3") count=$((count + 1))
    fi
    shift 3
  done
  grow_quorum "$node" "$onto" "$vhost" "$pattern" || grow_failed
  await 30 has_replicas "$node" "$mode" "$onto" "$queues" ||
    fail "these queues have no replica on $onto: $(printf %s "$answer" | cut -c 1-300)" "run the same command again to resume"
  await_replicas "$node" "$mode" "$patience" "$onto"
}

# Right after a node entered the cluster, the stream coordinator may not know it yet, and returns an error or nothing.
grow_stream() { # NODE MODE ONTO VHOST NAME
  # This is the work itself, not a check, so its timeout is not shortened.
  # shellcheck disable=SC2034 # within reads it
  said=$(deadline=; rabbit_tool 120 rabbitmq-streams -q -n "$1" add_replica --vhost "$4" "$5" "$3" 2>&1) || :
  asked=0
  lacking=$(has_replicas "$1" "$2" "$3" "{$(binary "$4"), $(binary "$5")}") || asked=$?
  case $asked in
    0) ;;
    1) printf '%s\n' "$said" | head -n 3 | tr '\n' ' '; return 1 ;;
    *) printf '%s\n' "$lacking"; return "$asked" ;;
  esac
}

grow_failed() {
  fail "queues could not be grown onto $onto" "RabbitMQ's error is in the lines above; run the same command again to resume"
}

# A name with any characters as an Erlang binary.
binary() { # NAME
  printf 'base64:decode("%s")' "$(printf %s "$1" | base64 | tr -d '\n')"
}

# `2 mirrors, 1 behind, syncing, 30100 messages done` or `2 mirrors, 0 behind, running`.
mirrors_of() { # NODE MODE VHOST NAME
  ask mirrors "$1" "$2" "Vhost = $(binary "$3"), Name = $(binary "$4"),"
}

# A mirror whose node fails meanwhile is no longer counted: then none is behind, but the queue is not safe.
is_in_sync() { # NODE MODE VHOST NAME MIRRORS
  asked=0
  now=$(mirrors_of "$1" "$2" "$3" "$4") || asked=$?
  printf '%s\n' "$now"
  [ "$asked" = 0 ] || return "$asked"
  case $now in "$5 mirrors, 0 behind,"*) ;; *) return 1 ;; esac
}

# sync_queue ends with the synchronisation, and also exits with 0 if that was cancelled: only the mirrors' state counts.
sync_queue() { # NODE MODE PATIENCE KIND VHOST NAME
  node=$1 mode=$2 vhost=$5 name=$6
  before=$(mirrors_of "$node" "$mode" "$vhost" "$name") || fail "the number of mirrors of $name is unknown: $before"
  control "$3" "$node" sync_queue -p "$vhost" "$name" &
  work=$! said=
  while kill -0 "$work" 2>/dev/null; do
    now=$(mirrors_of "$node" "$mode" "$vhost" "$name" || :)
    [ "$now" = "$said" ] || printf '%s\n' "$now"
    said=$now
    sleep 1
  done
  rc=0
  wait "$work" || rc=$?
  case $rc in
    0) ;;
    124 | 137) fail "synchronising $name timed out after $3 s ($now); RabbitMQ continues" "run the same command again to wait longer" ;;
    *) fail "the queue $name cannot be synchronised" "RabbitMQ's error is in the lines above" ;;
  esac
  # Each mirror reports itself in sync, possibly after the command has ended.
  await 10 is_in_sync "$node" "$mode" "$vhost" "$name" "${before%% *}" ||
    fail "$name is not in sync (before: $before; now: $answer): the synchronisation was cancelled, or a mirror is down" "run the same command again"
}

cancel_sync_queue() { # NODE KIND VHOST NAME
  control 60 "$1" cancel_sync_queue -p "$3" "$4" ||
    fail "the synchronisation of $4 could not be cancelled" "RabbitMQ's error is in the lines above"
}

rebalance() { # NODE
  rabbit_tool 600 rabbitmq-queues -q -n "$1" rebalance all ||
    fail "the leaders could not be rebalanced" "RabbitMQ's error is in the lines above"
}
