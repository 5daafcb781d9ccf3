# shellcheck shell=sh

# `ok 12`, or `2 of 62: NAME NAME`: see caught_up.erl, whose text is put before this file.
# shellcheck disable=SC2154 # caught_up_erl
has_caught_up() { # NODE MODE REPLICAS-ON
  behind=$(node_eval "$1" "$2" "X = '$3',
$caught_up_erl" | plain) || return 1
  # shellcheck disable=SC2086 # names in Base64
  case $behind in
    'ok '*) printf '%s\n' "$behind" ;;
    *:*) printf '%s: %s\n' "${behind%%:*}" "$(decoded ${behind#*:})"; return 1 ;;
    *) printf '%s\n' "$behind"; return 1 ;;
  esac
}

# Names may hold anything; erl_call prints what is not ASCII in a way of its own, so they come in Base64.
decoded() { # WORD...
  for word in "$@"; do printf '%s ' "$(printf %s "$word" | base64 -d)"; done
}

# Where ha-sync-mode is automatic, RabbitMQ synchronises a mirror when it joins, once (rabbit_mirror_queue_misc:maybe_auto_sync).
# It comes back to none whose synchronisation failed or was ended, though its policy says that nobody has to ask. Prints how many
# queues that do not synchronise were asked; versions without mirrors have none.
ask_to_synchronise() { # NODE MODE REPLICAS-ON
  asked=$(node_eval "$1" "$2" "Behind = fun(Q) -> lists:member('$3', [node(P) || P <- amqqueue:get_slave_pids(Q) -- amqqueue:get_sync_slave_pids(Q)]) end, length([spawn(rabbit_amqqueue, sync_mirrors, [amqqueue:get_pid(Q)]) || Q <- rabbit_amqqueue:list(), amqqueue:get_type(Q) =:= rabbit_classic_queue, try Behind(Q) andalso rabbit_policy:get(<<\"ha-sync-mode\">>, Q) =:= <<\"automatic\">> andalso rabbit_amqqueue:info(Q, [state]) =:= [{state, running}] catch _:_ -> false end])") || return 0
  case $asked in
    '' | 0 | *[!0-9]*) ;;
    *) printf 'RabbitMQ was asked to synchronise mirrors on %s, as their policy says (queues: %s)\n' "$3" "$asked" ;;
  esac
}

# Says from time to time who is behind, so that nobody takes a long wait for a hang.
await_replicas() { # NODE MODE PATIENCE REPLICAS-ON
  read_clock
  end=$((clock + $3 * 100)) ask_at=$((clock + 2000)) said=''
  until answer=$(has_caught_up "$1" "$2" "$4"); do
    read_clock
    if [ "$clock" -ge "$ask_at" ]; then
      ask_to_synchronise "$1" "$2" "$4"
      ask_at=$((clock + 3000))
    fi
    if [ "$clock" -ge "$end" ]; then
      fail "on $4 these have not caught up within $3 s: ${answer:-no answer}" \
        "a mirrored queue without automatic synchronisation waits for rabbitup run sync-queue; the others go on by themselves"
    fi
    [ "$answer" = "$said" ] || printf 'waiting for replicas on %s: %s\n' "$4" "$answer"
    said=$answer
    sleep 0.5
  done
}

# A name as a regular expression that matches it alone.
exactly() { # NAME
  printf %s "$1" | sed 's/[].[\\^$*+?(){}|/-]/\\&/g'
}

grow_quorum() { # NODE ONTO VHOST PATTERN
  [ -n "$4" ] || return 0
  rabbit_tool 600 rabbitmq-queues -q -n "$1" grow "$2" all --vhost-pattern "^$(exactly "$3")\$" --queue-pattern "^($4)\$"
}

# The names among these queues that have no replica there: `[{VHOST, NAME}, …]` as Erlang.
without_replica() { # NODE MODE ONTO QUEUES
  # shellcheck disable=SC2154 # replicas_erl stands before this file
  node_eval "$1" "$2" "$replicas_erl
lists:flatten(lists:join(\" \", [base64:encode_to_string(N) || {V, N} <- [$4], case rabbit_amqqueue:lookup(rabbit_misc:r(V, queue, N)) of {ok, Q} -> not lists:member('$3', Replicas(Q)); _ -> false end]))" |
    plain
}

has_replicas() { # NODE MODE ONTO QUEUES
  lacking=$(without_replica "$@") || return 1
  # shellcheck disable=SC2086 # names in Base64
  decoded $lacking
  [ -z "$lacking" ]
}

# Neighbours of one virtual host go in one call: each call starts an Erlang VM. The tool says 0 where it did nothing
# (3.10, for a node that is no member), so who has a replica counts.
grow_replicas() { # NODE MODE PATIENCE ONTO [KIND VHOST NAME]...
  node=$1 mode=$2 patience=$3 onto=$4
  shift 4
  vhost='' pattern='' count=0 queues=''
  while [ $# -ge 3 ]; do
    queues="$queues${queues:+, }{$(binary "$2"), $(binary "$3")}"
    if [ "$1" = stream ]; then
      await 60 grow_stream "$node" "$mode" "$onto" "$2" "$3" ||
        fail "the stream $3 got no replica on $onto" "RabbitMQ's last words: $answer"
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
    fail "these have no replica on $onto: $(printf %s "$answer" | cut -c 1-300)" "run the same command again to go on"
  await_replicas "$node" "$mode" "$patience" "$onto"
}

# Right after a node entered the cluster, the stream coordinator may not know it yet, and says so or nothing.
grow_stream() { # NODE MODE ONTO VHOST NAME
  # What it waits for is its own doing, which is not cut short.
  # shellcheck disable=SC2034 # within reads it
  said=$(deadline=; rabbit_tool 120 rabbitmq-streams -q -n "$1" add_replica --vhost "$4" "$5" "$3" 2>&1) || :
  lacking=$(without_replica "$1" "$2" "$3" "{$(binary "$4"), $(binary "$5")}") || return 1
  [ -z "$lacking" ] || { printf '%s\n' "$said" | head -n 3 | tr '\n' ' '; return 1; }
}

grow_failed() {
  fail "queues could not be grown onto $onto" "the lines above are RabbitMQ's own words; run the same command again to go on"
}

# A name as an Erlang binary, whatever stands in it.
binary() { # NAME
  printf 'base64:decode("%s")' "$(printf %s "$1" | base64 | tr -d '\n')"
}

# `2 mirrors, 1 behind, syncing, 30100 messages done` or `2 mirrors, 0 behind, running`.
mirrors_of() { # NODE MODE VHOST NAME
  node_eval "$1" "$2" "{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r($(binary "$3"), queue, $(binary "$4"))), [{state, S}] = rabbit_amqqueue:info(Q, [state]), lists:flatten(io_lib:format(\"~b mirrors, ~b behind, ~s\", [length(amqqueue:get_slave_pids(Q)), length(amqqueue:get_slave_pids(Q)) - length(amqqueue:get_sync_slave_pids(Q)), case S of {syncing, N} -> io_lib:format(\"syncing, ~b messages done\", [N]); _ -> io_lib:format(\"~p\", [S]) end]))" |
    plain
}

# A mirror whose node falls away meanwhile is none any more: then nothing is behind, and nothing is safe.
is_in_sync() { # NODE MODE VHOST NAME MIRRORS
  now=$(mirrors_of "$1" "$2" "$3" "$4") || return 1
  printf '%s\n' "$now"
  case $now in "$5 mirrors, 0 behind,"*) ;; *) return 1 ;; esac
}

# sync_queue ends when the work does, and says 0 for one that was cancelled, too: who is in sync counts.
sync_queue() { # NODE MODE PATIENCE KIND VHOST NAME
  node=$1 mode=$2 vhost=$5 name=$6
  before=$(mirrors_of "$node" "$mode" "$vhost" "$name")
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
    124 | 137) fail "$name is not in sync after $3 s ($now); RabbitMQ goes on with it" "run the same command again to go on waiting" ;;
    *) fail "the queue $name cannot be synchronised" "the lines above are RabbitMQ's own words" ;;
  esac
  # Each mirror notes by itself that it is in sync, and may do so after the command has ended.
  await 10 is_in_sync "$node" "$mode" "$vhost" "$name" "${before%% *}" ||
    fail "$name is not in sync (before: $before; now: $answer): somebody ended the synchronisation, or a mirror is down" "run the same command again"
}

cancel_sync_queue() { # NODE KIND VHOST NAME
  control 60 "$1" cancel_sync_queue -p "$3" "$4" ||
    fail "the synchronisation of $4 could not be ended" "the lines above are RabbitMQ's own words"
}

rebalance() { # NODE
  rabbit_tool 600 rabbitmq-queues -q -n "$1" rebalance all ||
    fail "the leaders could not be spread" "the lines above are RabbitMQ's own words"
}
