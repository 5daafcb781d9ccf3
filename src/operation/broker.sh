# shellcheck shell=sh

# erl_call queries a running node in milliseconds, while a new Erlang VM for rabbitmqctl takes half a second. As user
# rabbitmq, so that the cookie comes from its file and is in no argument list.
find_erl_call() {
  command -v erl_call && return
  for candidate in /usr/lib*/erlang/erts-*/bin/erl_call /usr/lib*/erlang/lib/erl_interface-*/bin/erl_call; do
    if [ -x "$candidate" ]; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  return 1
}

# One of RabbitMQ's own tools, as user rabbitmq. Debian's wrappers become rabbitmq through su, behind which a tool that
# timed out lives on and keeps the output open; the scripts behind the wrappers do not.
rabbit_tool() { # SECONDS TOOL ARGUMENT...
  within "$1"
  tool=$2
  shift 2
  if [ -x "/usr/lib/rabbitmq/bin/$tool" ]; then
    # Queue names are UTF-8; in the plain C locale the tool's VM reads them as Latin-1.
    # shellcheck disable=SC2154 # within sets limit
    (cd /var/lib/rabbitmq && LC_ALL=C.UTF-8 as_rabbitmq "$limit" "/usr/lib/rabbitmq/bin/$tool" "$@")
  else
    timeout -k 10 "$limit" "$tool" "$@"
  fi
}

# Evaluates an expression on a local or remote node, and prints the answer without `{ok, …}`. An endless answer
# is cut off and counts as none. Only for `ask` (src/rabbitmq/internals/ask.sh), which parses the answer.
node_eval() { # NODE short|long EXPRESSION SECONDS
  case $2 in long) naming=-name ;; *) naming=-sname ;; esac
  answered='not asked 69'
  if caller=$(find_erl_call); then
    answered=$({ ask_by_erl_call "$@" || printf ' %s' $?; } 2>&1 | head -c 4194304)
  fi
  case $answered in
    '{ok, '*'}') answered=${answered#'{ok, '} && printf '%s\n' "${answered%?}" ;;
    *' 69') rabbit_tool 60 rabbitmqctl -q -n "$1" eval "$3." ;;
    *) printf '%s\n' "${answered% [0-9]*}"; return 1 ;;
  esac
}

ask_by_erl_call() { # NODE short|long EXPRESSION SECONDS
  # shellcheck disable=SC2154 # unless_other_carrier and as_c_node come from erl_call.sh
  printf '%s.\n' "$3" | as_rabbitmq "$4" sh -c "$unless_other_carrier$as_c_node" "$caller" "$naming" "$1" -e
}

# `rabbit` serves: its boot is complete.
is_serving() { # NODE MODE
  says true serving "$1" "$2"
}

# Whether NODE lists MEMBER: 1 means that it does not; any other failure means unknown, and its answer is printed.
lists() { # NODE MODE MEMBER
  asked=0
  listed=$(ask members "$1" "$2") || asked=$?
  [ "$asked" = 0 ] || { printf '%s\n' "$listed"; return "$asked"; }
  case " $listed " in *" $3 "*) return 0 ;; *) return 1 ;; esac
}

listed_by_both() { # NODE SEED MODE
  lists "$2" "$3" "$1" && lists "$1" "$3" "$2"
}

# The port of a node, by epmd's own protocol (NAMES_REQ, erts "Distribution Protocol").
port_by_epmd() { # ADDRESS NAME
  # shellcheck disable=SC2016 # the inner shell's arguments
  timeout 3 bash -c 'exec 3<>"/dev/tcp/$1/4369" && printf "\0\1n" >&3 && tail -c +5 <&3' _ "$1" 2>/dev/null |
    while read -r word name _ _ port; do
      [ "$word $name" != "name $2" ] || printf '%s\n' "$port"
    done
}

# Prints why NODE cannot be reached from this host, by checking one cause after the other.
why_not_reached() { # NODE
  host=${1#*@}
  address=$(getent ahosts "$host" | { read -r first _ && printf %s "$first"; }) || address=
  [ -n "$address" ] || { printf '%s does not resolve on this host' "$host"; return; }
  case $address in 127.* | ::1) printf '%s resolves to %s on this host' "$host" "$address"; return ;; esac
  ours=$(sed -n '/^# BEGIN rabbitup/,/^# END rabbitup/p' /etc/hosts | awk -v name="$host" '{ for (i = 2; i <= NF; i++) if ($i == name) { print $1; exit } }')
  # If a name has two addresses, which one is used depends on the caller.
  astray=$(getent ahosts "$host" | awk -v ours="$ours" 'index($1, ":") * index(ours, ":") || !index($1 ours, ":") { if ($1 != ours) { print $1; exit } }')
  [ -z "$ours" ] || [ -z "$astray" ] ||
    { printf '%s resolves to %s on this host, although rabbitup wrote %s to /etc/hosts: check its other lines, and the line hosts: of /etc/nsswitch.conf' "$host" "$astray" "$ours"; return; }
  if command -v bash >/dev/null; then
    # shellcheck disable=SC2016 # $1 belongs to the inner shell
    timeout 3 bash -c ': <"/dev/tcp/$1/4369"' _ "$address" 2>/dev/null ||
      { printf 'port 4369 (epmd) of %s (%s) cannot be reached from this host' "$host" "$address"; return; }
    port=$(port_by_epmd "$address" "${1%%@*}")
    [ -n "$port" ] || { printf 'epmd of %s (%s) does not know %s: it does not run' "$host" "$address" "$1"; return; }
    # shellcheck disable=SC2016 # as above
    timeout 3 bash -c ': <"/dev/tcp/$1/$2"' _ "$address" "$port" 2>/dev/null ||
      { printf 'port %s (Erlang distribution) of %s (%s) cannot be reached from this host' "$port" "$host" "$address"; return; }
  fi
  printf '%s runs but refuses this host: it runs with a cookie other than the one in the file here, or its RabbitMQ is stopped' "$1"
}

# The broker's own error: what it logged right before "BOOT FAILED", which its crash reports bury; the
# newest file may be its standard error, which does not contain the cause.
broker_log() {
  since=$(broker_since) || return 0
  for log in $(newest_logs 4 3); do
    log_since "$log" 262144 "$since" | grep -a -B 8 'BOOT FAILED' || :
  done | grep -a -E '\[(error|critical)\]' | grep -a -v -e '> *$' -e '>     ' -e 'BOOT FAILED' | tail -n 8 | cut -c 1-300
  for log in $(newest_logs 1); do
    log_since "$log" 65536 "$since" | tail -n 15 | cut -c 1-300
  done
}

# The first line since the broker's last start that says why it failed: later ones are consequences, and a crash report's items say
# nothing by themselves. A line that announces a list has its first item with it.
boot_reason() {
  since=$(broker_since) || return 0
  {
    for log in $(newest_logs 4 $((($(date +%s) - since) / 60 + 1))); do log_since "$log" 262144 "$since"; done |
      grep -a -E '\[(error|critical)\]' | sort -s -k 1,2
    # What keeps it from logging is in the journal.
    timeout 5 journalctl -u rabbitmq-server -b --since "@$since" -n 200 -o cat --no-pager 2>/dev/null |
      grep -a -i -E 'error|failed|eacces|enospc|denied|no space'
  } | reason_of | cut -c 1-300
}

# The first of these lines that is a reason, without time and process. A reason that is an Erlang term goes on over many lines; what the
# system answered is in one of them.
reason_of() {
  awk '
    { sub(/^[^[]*\[(error|critical)\] (<[0-9.]+> )?/, "") }
    announced != "" { sub(/^[ -]+/, ""); if ($0 != "" && $0 !~ /^[=~-]+$/) { print announced " " $0; announced = ""; exit } next }
    opened != "" && match($0, /[^a-z_]e(addrinuse|addrnotavail|acces|perm|nospc|rofs|mfile|noent)[^a-z_]/) {
      print opened " … " substr($0, RSTART + 1, RLENGTH - 2); opened = ""; exit
    }
    opened != "" && ++deep > 40 { exit }
    opened != "" { next }
    /^ *$/ || /^  / || /^ *[=~-]+$/ || /> *$/ || /BOOT FAILED|CRASH REPORT|SUPERVISOR REPORT|crasher:|[Ss]upervisor/ || /^\*\* / { next }
    /^systemd\[|[Mm]ain process exited|Failed with result|Failed to start RabbitMQ/ { next }
    /:$/ { announced = $0; next }
    /[,{[]$/ { opened = $0; next }
    { print; exit }
    END { if (announced != "") print announced; if (opened != "") print opened }'
}

# A cause, and the first reason in the logs after it.
with_reason() { # CAUSE
  reason=$(boot_reason) || reason=
  printf '%s%s\n' "$1" "${reason:+: $reason}"
}

broker_failed() { # CAUSE
  broker_log
  fail "$(with_reason "$1")" "rabbitup doctor shows why; its log on the host: /var/log/rabbitmq, and journalctl -u rabbitmq-server"
}

enable_broker() {
  systemctl -q is-enabled rabbitmq-server 2>/dev/null || bounded 60 systemctl enable rabbitmq-server
}

# Whether the node read its cookie, its configuration or the others' addresses before the files changed. One that systemd is still
# starting waits with the old cookie for peers that refuse it, or for peers whose names did not resolve (Mnesia does not look again), or
# fails with the old configuration as before, and a `systemctl start` would wait for that start, ten minutes at worst. One that has come up since the plan answers nobody with its old cookie: a host that boots after a power cut
# starts the broker between the two. With its old configuration it serves, and the next pass sees what it lacks.
runs_on_old_files() { # NODE MODE
  set -- "$1" "$2" /var/lib/rabbitmq/.erlang.cookie
  case $(systemctl show -p ActiveState --value rabbitmq-server) in
    activating) set -- "$@" /etc/rabbitmq/rabbitmq.conf /etc/rabbitmq/rabbitmq-env.conf /etc/hosts ;;
    active) ! is_serving "$1" "$2" || return 1 ;;
    *) return 1 ;;
  esac
  shift 2
  pid=$(systemctl show -p MainPID --value rabbitmq-server)
  [ "${pid:-0}" -gt 0 ] || return 1
  age=$(ps -o etimes= -p "$pid") || return 1
  began=$(($(date +%s) - age))
  changed=$(as_rabbitmq 5 stat -L -c %Y "$@" 2>/dev/null) || :
  for moment in $changed; do
    [ "$moment" -lt "$began" ] || return 0
  done
  return 1
}

# Nodes that boot at the same time may meet half-way: 3.10 then fails with incompatible_feature_flags, a RAM
# node with failed_to_cluster_with. A moment later it works; systemd would also retry after ten seconds.
met_a_booting_peer() {
  since=$(broker_since) || return 1
  for log in $(newest_logs 4 1); do
    log_since "$log" 262144 "$since" | grep -a -A 40 'BOOT FAILED' || :
  done | grep -a -q -e incompatible_feature_flags -e failed_to_cluster_with
}

start_unit_of_broker() { # [SEED MODE]
  # A unit that failed too often within seconds refuses every start (start-limit-hit); this one is intended.
  bounded 10 systemctl reset-failed rabbitmq-server 2>/dev/null || :
  tries_left=3
  until start_unit_watching "$@"; do
    [ -z "$seed_gone" ] || return 1
    tries_left=$((tries_left - 1))
    if [ "$tries_left" = 0 ] || ! met_a_booting_peer; then return 1; fi
    printf 'it met a peer that was booting itself; once more\n'
  done
}

# A node that has just entered the cluster of a node that is lost since waits for the tables that only that one has: five
# minutes, twice. `systemctl start` can be interrupted and called again; it waits for the same start.
start_unit_watching() { # [SEED MODE]
  seed_gone=
  if [ $# = 0 ]; then
    bounded 600 systemctl start rabbitmq-server
    return
  fi
  read_clock
  # shellcheck disable=SC2154 # read_clock sets clock
  start_end=$((clock + 60000))
  while :; do
    started=0
    bounded 20 systemctl start rabbitmq-server || started=$?
    case $started in 124 | 137) ;; *) return "$started" ;; esac
    await 20 is_serving "$1" "$2" || { seed_gone=yes; return 1; }
    read_clock
    [ "$clock" -lt "$start_end" ] || return 1
  done
}

start_broker() { # NODE MODE PATIENCE
  comes_up "$@" || broker_failed "$why"
}

# Starts the node; $why has the reason if it does not serve. If it serves, the trial of its files is over.
comes_up() { # NODE MODE PATIENCE [SEED]
  why='its unit could not be enabled'
  enable_broker || return 1
  ! runs_on_old_files "$1" "$2" || stop_broker "$1"
  doing booting
  why='rabbitmq-server did not start on this host'
  start_unit_of_broker ${4:+"$4" "$2"} || return 1
  why="the unit runs, but $1 does not serve"
  await "$3" is_serving "$1" "$2" || { why="$why (its last answer: ${answer:-none})"; return 1; }
  end_trial
}

confirm_member() { # NODE MODE SEED
  await 30 listed_by_both "$1" "$3" "$2" || not_confirmed "$@"
}

not_confirmed() { # NODE MODE SEED
  broker_log
  fail "$1 runs, but it and $3 do not list each other (it lists: $(ask members "$1" "$2" || :))" \
    "run the same command again: an empty node is then joined by rabbitmqctl join_cluster"
}

# epmd drops a name a moment after its VM has ended; a start in between fails (erlang/otp#11083). If epmd does not answer
# in time (124, 137), this is unknown.
name_is_free() { # NODE
  names=$({ timeout -k 10 5 epmd -names 2>/dev/null || printf '\nno answer: %s\n' $?; } | head -c 65536)
  ! printf '%s\n' "$names" | grep -q -e "^name ${1%%@*} at " -e '^no answer: 1[23]'
}

stop_broker() { # NODE
  doing stopping
  # systemd kills what the unit's stop command could not reach, so only the result counts.
  bounded 300 systemctl stop rabbitmq-server || :
  await 30 name_is_free "$1" || fail "$1 was stopped, but epmd still has its name" "on the host: epmd -names"
}

# Between plan and step it may have found the others; then it goes on.
interrupt_boot() { # NODE MODE
  if is_serving "$1" "$2"; then
    printf '%s serves by now\n' "$1"
  elif [ "$(systemctl show -p ActiveState --value rabbitmq-server)" = activating ]; then
    stop_broker "$1"
  fi
}

start_app() { # NODE MODE PATIENCE
  rabbit_tool 300 rabbitmqctl -q -n "$1" start_app ||
    broker_failed "RabbitMQ did not start in the running Erlang VM of $1"
  await "$3" is_serving "$1" "$2" || fail "$1 does not serve after start_app"
}
