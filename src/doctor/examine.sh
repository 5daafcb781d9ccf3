# shellcheck shell=sh disable=SC2154
# Finds out why this broker does not connect to the others; collects what the probe leaves out because a bring-up does not need it.
# Read-only, starts no Erlang VM. The controller prepends:
#   the files script_head.sh, erlang_tool.sh, erl_call.sh, broker_user.sh, broker_environment.sh and broker_logs.sh, and then
#   node         the node that should run here
#   name_flag    -sname or -name
#   port         where the node should answer others; empty if that is not known
#   peers        "NAME ADDRESS NODE PORT" per line, including this host
# Whole-line comments and indentation are removed before it is sent.
rabbit=/var/lib/rabbitmq

# Start arguments of the running VM that affect names and connections. Its arguments and environment may contain secrets: nothing
# else of them is printed. Skips other containers' processes.
vm() {
  section vm
  set +f
  for f in /proc/[0-9]*; do
    line=
    read -r line <"$f/comm"
    # shellcheck disable=SC3013  # dash, bash and busybox have -ef
    if [ "$line" = beam.smp ] && [ "$f/ns/net" -ef /proc/self/ns/net ] && [ "$f/ns/mnt" -ef /proc/self/ns/mnt ]; then
      # Many processes have ended before this line runs; skip those.
      case $(limit 2 tr '\0' ' ' <"$f/cmdline") in *' -s rabbit boot '*) ;; *) continue ;; esac
      echo "pid=${f#/proc/}"
      limit 2 tr '\0' '\n' <"$f/cmdline" | grep -A 1 -x -e -proto_dist -e -name -e -sname | sed 's/^/argument=/'
      limit 2 tr '\0' '\n' <"$f/environ" | grep -E '^(RABBITMQ_)?(USE_LONGNAME|NODENAME|DIST_PORT)=|^ERL_EPMD_(ADDRESS|PORT)=' |
        sed 's/^/environment=/'
    fi
  done
  set -f
}

# The enabled feature flags, as the node saves them for its next start.
flags() {
  section flags
  # shellcheck disable=SC2016 # the inner shell's arguments
  as_rabbitmq 5 sh -c '[ -f "$1" ] && head -c 65536 "$1"' sh "$data_base/$node-feature_flags"
  echo
}

# How the unit ended, and the broker's last log lines if it does not run.
unit() {
  section unit
  state=$(limit 5 systemctl show -p ActiveState,SubState,Result,NRestarts,ExecMainStatus rabbitmq-server)
  echo "$state"
  case $nl$state in *"${nl}ActiveState=active"*) return ;; esac
  last=
  # The two newest: the node's own log and, in case it ended before opening one, the unit's. Units whose output is not in a file
  # there have it in the journal.
  if since=$(broker_since); then last=$(newest_logs 2 $((($(date +%s) - since) / 60 + 1))); fi
  journal=$(limit 5 journalctl -u rabbitmq-server -b --since "@${since:-0}" -n 400 -o cat --no-pager)
  # The reason is near these words; crash reports hide it. Only the last start counts.
  section failure
  for log in $last; do log_since "$log" 262144 "$since" | around_failure; done
  printf '%s\n' "$journal" | around_failure
  section log
  for log in $last; do log_since "$log" 262144 "$since" | errors_in; done
  printf '%s\n' "$journal" | errors_in
  echo
  section journal
  printf '%s\n' "$journal" | tail -n 20 | cut -c 1-400
}
around_failure() { grep -a -B 8 -A 24 'BOOT FAILED' | tail -n 33 | cut -c 1-400; }
# The items of a crash report are indented by five characters; they would push out the lines that name the cause.
errors_in() {
  tail -n 400 | grep -a -E '\[(error|critical)\]|exited with reason|^Error|Waiting for' | grep -a -v '>     ' | tail -n 60 | cut -c 1-400
}

# Queries epmd by its own protocol (NAMES_REQ, erts "Distribution Protocol"), then tries the port that it names for the node, or
# the one where it should answer. Each attempt is a fork of one bash; an attempt without a result when timeout kills them counts as
# filtered. On this host epmd is also queried at the loopback address.
ports() {
  set -- localhost 127.0.0.1 "$node" "$port"
  while IFS=' ' read -r peer address name at; do
    [ -z "$name" ] || set -- "$@" "$peer" "$address" "$name" "$at"
  done <<EOF
$peers
EOF
  # shellcheck disable=SC2016  # bash expands it
  limit 2 bash -c '
    try() {
      said=$(exec 2>&1 3<>"/dev/tcp/$2/$3") && said=open
      echo "$1 $4 $3 ${said##*: }"
    }
    epmd() {
      try "$1" "$2" 4369 epmd
      [ "$said" = open ] || return
      exec 3<>"/dev/tcp/$2/4369" && printf "\0\1n" >&3
      names=$(tail -c +5 <&3)
      echo "$1 answered"
      while read -r word known _ _ port; do
        [ "$word" = name ] || continue
        echo "$1 name $known $port"
        if [ "$known" = "${3%%@*}" ] && [ "$port" != "$4" ]; then try "$1" "$2" "$port" distribution; fi
      done <<<"$names"
    }
    while [ $# != 0 ]; do
      (epmd "$@") &
      [ -z "$4" ] || (try "$1" "$2" "$4" distribution) &
      shift 4
    done
    wait' bash "$@"
}

# Whether each node accepts this host with the cookie in its file; runs as the broker's user, whose home has it.
answers() {
  if [ ! -d "$rabbit" ] || ! tool erl_call; then return; fi
  while IFS=' ' read -r peer _ name _; do
    [ -n "$name" ] || continue
    (
      said=$({ rc=0; echo 'node().' | as_rabbitmq 3 sh -c "$as_c_node" "$tool" "$name_flag" "$name" -e 2>&1 || rc=$?; echo "$nl$rc"; } | head -c 4096)
      printf '%s asked %s %s\n' "$peer" "${said##*"$nl"}" "${said%"$nl"*}"
    ) &
  done <<EOF
$peers
EOF
  wait
}

# Waits for closed ports and silent nodes in parallel.
peers() {
  section peers
  [ -z "$peers" ] || { command -v bash >/dev/null && ports & answers; wait; }
}

section begin
read_environment
vm
flags
unit
peers
section end
