# shellcheck shell=sh disable=SC2154
# The part of the probe that queries the broker, and the main program of all parts. The controller appends it to probe.sh.

# ask NAME: the answer of the node of that name in $answer. Runs as the broker's user, whose home has the cookie. If that user
# cannot read it, root asks with a copy of it in a temporary home.
ask() {
  cookie_home=$home
  asked "$unless_other_carrier$as_c_node" "$1" as_rabbitmq 8
  case $answer in '{ok, '*) return ;; *get_cookie*) [ "$home" = "$rabbit" ] || return 1 ;; *) return 1 ;; esac
  own_home || return 1
  asked "$as_c_node" "$1" limit 8 env HOME="$dir"
  rm -rf "$dir"
  trap - HUP INT TERM
  case $answer in '{ok, '*) ;; *) return 1 ;; esac
}
# asked SHELL-TEXT NAME RUNNER...: the output of erl_call in $answer, and its exit code in $rc. A node may answer endlessly.
asked() {
  text=$1 name=$2
  shift 2
  answer=$(
    {
      rc=0
      printf '%s\nLines.\n' "$node_erl" | "$@" sh -c "$text" "$tool" "$name_flag" "$name" -e 2>&1 || rc=$?
      printf '\n%s\n' "$rc"
    } | head -c 8388608
  )
  rc=${answer##*"$nl"} answer=${answer%"$nl"*}
  case $rc in '' | *[!0-9]*) rc=1 answer='the node answers without end' ;; esac
}
# A home directory owned by root, with the cookie.
own_home() {
  dir=$(mktemp -d) || return
  trap 'rm -rf "$dir"; exit 1' HUP INT TERM
  (umask 077 && tail_as_root "$cookie" 4096 >"$dir/.erlang.cookie") && chmod 400 "$dir/.erlang.cookie" && [ -s "$dir/.erlang.cookie" ] && return
  rm -rf "$dir"
  return 1
}
has_cookie() { # HOME
  # shellcheck disable=SC2016 # the inner shell's argument
  as_rabbitmq 5 sh -c '[ -s "$1" ]' sh "$1/.erlang.cookie"
}
# ask_slowly: the same through the official tool, for a node that erl_call cannot connect to (TLS between nodes).
# Its file, the copied cookie and the copied schema are the only files that this script writes.
ask_slowly() {
  # Without a cookie rabbitmqctl would create one. Debian's wrapper uses su to become rabbitmq, under which a killed tool keeps
  # running; the script called by the wrapper does not.
  slow_tool=/usr/lib/rabbitmq/bin/rabbitmqctl
  [ -x "$slow_tool" ] || slow_tool=$(command -v rabbitmqctl) || return 1
  cookie_home=$rabbit
  has_cookie "$rabbit" || return 1
  dir=$(mktemp -d) || return
  trap 'rm -rf "$dir"; exit 1' HUP INT TERM
  printf '%s\nlist_to_binary(lists:join("\\n", Lines)).\n' "$node_erl" >"$dir/ask.erl"
  # Readable but not writable: it stays owned by root. It contains no secret.
  chmod 711 "$dir" && chmod 644 "$dir/ask.erl"
  set -- -q -n "$node"
  [ "$name_flag" != -name ] || set -- "$@" --longnames
  set -- "$@" eval_file "$dir/ask.erl" --formatter json
  slowly=$(as_rabbitmq 20 "$slow_tool" "$@" 2>&1)
  rc=$?
  # The staged cookie, as below.
  if [ "$rc" != 0 ] && has_cookie "${staged%/*}"; then
    # shellcheck disable=SC2034 # read by as_rabbitmq
    cookie_home=${staged%/*}
    slowly=$(as_rabbitmq 20 "$slow_tool" "$@" 2>&1)
    rc=$?
  fi
  rm -rf "$dir"
  trap - HUP INT TERM
  return "$rc"
}
# A node that epmd does not know is still a node. Its name is not in its arguments. Skips other containers' processes.
process() {
  set +f
  for f in /proc/[0-9]*; do
    first "$f/comm" || continue
    # shellcheck disable=SC3013  # dash, bash and busybox have -ef
    if [ "$line" = beam.smp ] && [ "$f/ns/net" -ef /proc/self/ns/net ] &&
      [ "$f/ns/mnt" -ef /proc/self/ns/mnt ]; then
      case $(limit 2 tr '\0' ' ' <"$f/cmdline") in *' -s rabbit boot '*) echo "process=${f#/proc/}" ;; esac
    fi
  done
  set -f
}
# The members in the database of a node that does not serve, if Mnesia's status file names only the node itself. A RabbitMQ
# process writes that file when it learns of a new member (rabbit_node_monitor); a node that stops or is killed at that moment has
# the member in its database but not in its file, and starts as a member. Mnesia itself is queried on a copy: it may repair the
# file that it opens.
known_members() {
  section schema
  # shellcheck disable=SC2016 # the inner shell's variables
  tool erl && as_rabbitmq 10 sh -c '
    case $(head -c 65536 "$2/cluster_nodes.config") in *@*@*@*) exit ;; *@*) ;; *) exit ;; esac
    dir=$(mktemp -d) || exit
    trap "rm -rf \"$dir\"; exit" HUP INT TERM
    head -c 67108864 "$2/schema.DAT" >"$dir/schema.DAT" &&
      ERL_CRASH_DUMP_SECONDS=0 "$1" +S 1 -noinput -boot start_clean -kernel logger_level none -mnesia dir "\"$dir\"" \
        -eval "io:format(\"~tp.~n\", [mnesia:system_info(db_nodes)]), halt()." | head -c 65536 | tr -d "\n"
    rm -rf "$dir"' sh "$tool" "$(data_of "$node")"
}
known_to_epmd() {
  tool epmd || tool=epmd
  case $nl$(limit 3 "$tool" -names) in *"${nl}name ${node%%@*} at port "*) ;; *) return 1 ;; esac
}
# The names, without a host, under which a broker may answer here: the one that its environment sets, and that of a broker that was
# started with another environment. The tools' own names are left out.
names_here() {
  printf '%s\n' "${nodename%%@*}"
  tool epmd || tool=epmd
  limit 3 "$tool" -names | sed -n 's/^name \([^ ]*\) at port .*/\1/p' | grep -v -e '^rabbitup' -e '^rabbitmqcli'
}
broker() {
  section broker
  if [ -z "$node" ] || [ ! -d "$rabbit" ]; then return; fi
  answer='' slowly=''
  rc=0
  # Through localhost: the answering node runs here, and name resolution is not needed.
  # An interrupted rotation may have left the node with the staged cookie, and the old one in its file.
  for home in "$rabbit" "${staged%/*}"; do
    [ "$home" = "$rabbit" ] || { [ "$rc" != 69 ] && has_cookie "$home"; } || break
    if tool erl_call && { ask "${node%%@*}@localhost" || { [ "$rc" != 124 ] && [ "$rc" != 69 ] && ask "$node"; }; }; then
      answered
      return
    fi
  done
  if [ "$rc" = 124 ]; then
    section refusal
    echo 'the node accepts connections, but does not answer within 8 s'
  elif ! known_to_epmd; then
    running=$(process)
    # A node that is starting has its files open.
    if [ -z "$running" ]; then
      known_members
      return
    fi
    home=$rabbit
    for name in $(names_here | sort -u); do
      if [ "$name" != "${node%%@*}" ] && tool erl_call && ask "$name@localhost"; then
        answered
        return
      fi
    done
    printf '%s\n' "$running"
  elif [ -z "$slowly" ] && ask_slowly; then
    section answer
    printf '%s\n' "$slowly"
  else
    section refusal
    printf '%s\n' "$answer" "$slowly"
  fi
}
answered() {
  section answer
  printf '%s\n' "$answer"
  case $answer in *'"state stopped"'*) known_members ;; esac
}

# RabbitMQ's words for why the broker does not boot, if systemd starts it again and again. Nothing else of its logs.
boot_failure() {
  case $unit_states in *ActiveState=activating*) ;; *) return ;; esac
  case $unit_states in *SubState=auto-restart* | *NRestarts=[1-9]*) ;; *) return ;; esac
  since=$(broker_since) || return
  section failure
  {
    for log in $(newest_logs 2 $((($(date +%s) - since) / 60 + 1))); do log_since "$log" 262144 "$since"; done
    limit 5 journalctl -u rabbitmq-server -b --since "@$since" -n 400 -o cat --no-pager
  } | grep -a -o -F -e "$boot_failures" | sort -u
}

environment
# The node answers while the rest runs.
broker | {
  exec 3<&0 </dev/null
  system
  storage
  files
  data_place
  plugin_files
  lock
  units
  [ -z "$node" ] || boot_failure
  time_service
  packages
  firewalls
  selinux
  resolve
  answer=$(cat <&3)
  printf '%s\n' "$answer"
  balancer
  amqp
  addresses
  reach
  section end
}
