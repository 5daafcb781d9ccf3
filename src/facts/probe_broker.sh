# shellcheck shell=sh disable=SC2154
# The probe's part that asks the broker, and what starts all parts. The controller puts it behind probe.sh.

# ask NAME: the answer of the node of that name in $answer. As the broker's user, whose home holds the cookie; as
# root where that user may not read it.
ask() {
  if command -v setpriv >/dev/null; then
    set -- "$1" setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups
  else
    set -- "$1" runuser -u rabbitmq --
  fi
  while :; do
    answer=$(
      name=$1
      shift
      export HOME="$home"
      printf '%s\nLines.\n' "$node_erl" | limit 8 "$@" sh -c "$as_c_node" "$tool" "$name_flag" "$name" -e 2>&1
    )
    rc=$?
    case $#:$answer in
      *:'{ok, '*) return ;;
      1:*) return 1 ;;
      *get_cookie*) set -- "$1" ;;
      *) return 1 ;;
    esac
  done
}
# ask_slowly: the same through the official tool, for a node that erl_call cannot talk to (TLS between nodes).
# Its file is the only thing that this script ever writes.
ask_slowly() {
  # Without a cookie rabbitmqctl would make one.
  if [ ! -s "$cookie" ] || ! command -v rabbitmqctl >/dev/null; then return 1; fi
  dir=$(mktemp -d) || return
  trap 'rm -rf "$dir"; exit 1' HUP INT TERM
  (umask 077 && printf '%s\nlist_to_binary(lists:join("\\n", Lines)).\n' "$node_erl" >"$dir/ask.erl")
  chown -R rabbitmq "$dir"
  set -- -q -n "$node"
  [ "$name_flag" != -name ] || set -- "$@" --longnames
  set -- "$@" eval_file "$dir/ask.erl" --formatter json
  slowly=$(limit 20 rabbitmqctl "$@" 2>&1)
  rc=$?
  # The staged cookie, as below. Debian's wrapper would lead back to the usual home.
  if [ "$rc" != 0 ] && [ -s "$staged" ] && [ -x /usr/lib/rabbitmq/bin/rabbitmqctl ]; then
    slowly=$(limit 20 setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups \
      env HOME="${staged%/*}" /usr/lib/rabbitmq/bin/rabbitmqctl "$@" 2>&1)
    rc=$?
  fi
  rm -rf "$dir"
  trap - HUP INT TERM
  return "$rc"
}
# A node that epmd does not know is a node all the same. Its name is not among its arguments. Other containers'
# processes are not ours.
process() {
  set +f
  for f in /proc/[0-9]*; do
    first "$f/comm" || continue
    # shellcheck disable=SC3013  # dash, bash and busybox have -ef
    if [ "$line" = beam.smp ] && [ "$f/ns/net" -ef /proc/self/ns/net ] &&
      [ "$f/ns/mnt" -ef /proc/self/ns/mnt ]; then
      case $(tr '\0' ' ' <"$f/cmdline") in *' -s rabbit boot '*) echo "process=${f#/proc/}" ;; esac
    fi
  done
  set -f
}
known_to_epmd() {
  tool epmd || tool=epmd
  case $nl$(limit 3 "$tool" -names) in *"${nl}name ${node%%@*} at port "*) ;; *) return 1 ;; esac
}
broker() {
  section broker
  if [ -z "$node" ] || [ ! -d "$rabbit" ]; then return; fi
  answer='' slowly=''
  if speaks_tls && known_to_epmd && ask_slowly; then
    section answer
    printf '%s\n' "$slowly"
    return
  fi
  rc=0
  # By way of localhost: what answers runs here, and whether names resolve yet does not matter.
  # A rotation that was cut off may have left the node with the staged cookie, and the old one in its file.
  for home in "$rabbit" "${staged%/*}"; do
    [ "$home" = "$rabbit" ] || [ -s "$staged" ] || break
    if tool erl_call && { ask "${node%%@*}@localhost" || { [ $rc != 124 ] && ask "$node"; }; }; then
      section answer
      printf '%s\n' "$answer"
      return
    fi
  done
  if [ $rc = 124 ]; then
    section refusal
    echo 'the node takes connections, but does not answer within 8 s'
  elif ! known_to_epmd; then
    process
  elif [ -z "$slowly" ] && ask_slowly; then
    section answer
    printf '%s\n' "$slowly"
  else
    section refusal
    printf '%s\n' "$answer" "$slowly"
  fi
}

# The node answers while the rest goes on.
broker | {
  exec 3<&0 </dev/null
  system
  storage
  files
  cookie cookie "$cookie" "$cookie_size"
  cookie staged "$staged" "$staged_size"
  data
  lock
  units
  time_service
  packages
  resolve
  answer=$(cat <&3)
  printf '%s\n' "$answer"
  balancer
  amqp
  reach
  section end
}
