# shellcheck shell=sh

# Permanently: the unit does not start at the next boot either. (Debian's unit restarts on failure, and a forgotten node
# with its old data fails for ever.)
retire_broker() { # NODE MODE PATIENCE none|drain|quorum-critical MAY-GO
  take_out "$@"
  if is_serving "$1" "$2" >/dev/null; then
    close_only_copies "$1" "$2" "$1" "$5" "--destroy-data ${1#*@}"
  elif [ "$4" != none ] && ! name_is_free "$1"; then
    fail "$1 no longer answers, so the queues that only it has could not be counted; it was not stopped" \
      "rabbitup status shows what is wrong with it; then run the same command again"
  fi
  bounded 60 systemctl disable rabbitmq-server
  stop_broker "$1"
  [ -z "${copies:-}" ] || note_copies "$1" "$copies"
}

# The queues that only GONE has, as NODE counts them: `QUEUES UNCOUNTED MESSAGES OPEN NAME…`.
only_copies() { # NODE MODE GONE true|false
  ask only_copies "$1" "$2" "X = '$3', Close = $4,"
}

number_of() { # NOUN COUNT
  if [ "$2" = 1 ]; then printf '1 %s' "$1"; else printf '%s %ss' "$2" "$1"; fi
}

# Why these copies must not be deleted; empty if they may be: more than the plan showed, or uncounted ones that it showed
# with a number. `any` means that the plan showed them as unknown.
beyond_consent() { # "QUEUES UNCOUNTED MESSAGES OPEN NAME…" "MAY-GO MAY-GO-UNCOUNTED"
  # shellcheck disable=SC2086 # numbers, and names in Base64
  set -- $1 / $2
  queues=$1 uncounted=$2 open=$4
  for number in "$queues" "$uncounted" "$3" "$open"; do
    case $number in '' | *[!0-9]*) return 1 ;; esac
  done
  shift 4
  names=''
  while [ "$1" != / ]; do names="$names $1" && shift; done
  # shellcheck disable=SC2086 # names in Base64
  names=$(decoded $names)
  more=''
  [ "$queues" -le 5 ] || more='and more '
  if [ "$open" != 0 ]; then
    printf 'publishing to %s of them cannot be blocked: %s%s\n' "$open" "$names" "$more"
  elif [ "$2" != any ] && [ "$queues" -gt "$2" ]; then
    printf '%s, where %s may go: %s%s\n' "$(number_of queue "$queues")" "$2" "$names" "$more"
  elif [ "$3" != any ] && [ "$uncounted" -gt "$3" ]; then
    printf '%s not counted, of %s: %s%s\n' "$(number_of queue "$uncounted")" "$queues" "$names" "$more"
  fi
}

# The operator agreed to lose what the plan showed. Publishing is blocked first and the messages are counted then, since other nodes'
# clients, shovels and dead letters reach a queue until its process ends; an earlier count proves nothing. Afterwards $copies
# has what is moved aside.
close_only_copies() { # NODE MODE GONE MAY-GO ADVICE
  copies=$(only_copies "$1" "$2" "$3" true) || copies="no answer: $copies"
  if too_much=$(beyond_consent "$copies" "$4"); then
    [ -n "$too_much" ] || return 0
  else
    too_much="unknown (its answer: $(printf %s "$copies" | cut -c 1-200))"
  fi
  reopen "$1" "$2" || printf 'the closed queues on %s open again within seven minutes\n' "$1"
  # shellcheck disable=SC2034 # fail reads it, and the cause is another one
  revive "$1" "$2" || untold=
  case $4 in
    '0 0') fail "$3 has the only copy of queues, so it was not stopped: $too_much" \
      "consume or move their messages and delete them; to delete them with their bindings: $5" ;;
    *) fail "$3 has more than the plan showed, so it was not stopped: $too_much" \
      "run the same command again: the new plan shows all of it" ;;
  esac
}

# Written beside its data, and kept with it. As rabbitmq: all of this is in its home, where root would follow a link.
note_copies() { # NODE COPIES
  # shellcheck disable=SC2086 # numbers, and names in Base64
  set -- "$1" $2
  if [ "$2" = 0 ]; then return 0; fi
  told="$(number_of message "$4") in $(number_of queue "$2") that only $1 had"
  [ "$3" = 0 ] || told="$told ($(number_of queue "$3") of them not counted)"
  read_environment
  # shellcheck disable=SC2154 # read_environment sets it
  printf '%s\n' "$told" | as_rabbitmq 10 tee "$data_base/$1-only-copies" || :
}

# Over Erlang distribution, since its host is not in the inventory.
stop_unknown_member() { # NODE MODE PATIENCE none|drain|quorum-critical MEMBER
  node=$1 mode=$2 patience=$3 unknown=$5
  await 10 is_serving "$unknown" "$mode" ||
    fail "$unknown runs but cannot be reached from here: $(why_not_reached "$unknown")" "fix that, or stop it on its own host; then run the same command again"
  [ "$4" != quorum-critical ] || await_spare "$unknown" "$patience"
  rabbit_tool 180 rabbitmq-upgrade -q -n "$unknown" drain || :
  close_only_copies "$unknown" "$mode" "$unknown" '0 0' \
    "add its host to the inventory, where --destroy-data can name it, then rabbitup run remove-node"
  control 180 "$unknown" stop_app ||
    fail "$unknown could not be stopped from here: $(why_not_reached "$unknown")" "on its host: systemctl stop rabbitmq-server"
  await 90 is_not_running "$node" "$mode" "$unknown" || fail "$node still sees $unknown run"
}

# forget_cluster_node refuses a running node ("must be stopped"), and is not idempotent: rc 69 for one that is not a
# member. With a dead host it takes almost a minute. It deletes the records of the queues that only GONE had, so
# those are counted here again: what a peer knows of a stopped node cannot grow.
forget_node() { # NODE MODE GONE MAY-GO
  listed_there=0
  lists "$@" || listed_there=$?
  case $listed_there in
    0 | 1) ;;
    *) fail "$1 does not list its members, so $3 was not forgotten: $(lists "$@" || :)" "run the same command again" ;;
  esac
  if [ "$listed_there" = 0 ]; then
    await 90 is_not_running "$@" ||
      fail "$1 sees $3 running, and a running node cannot be forgotten" "stop it first: rabbitup run remove-node node=$3"
    copies=$(only_copies "$1" "$2" "$3" false) || copies="no answer: $copies"
    # The messages of a stopped node cannot be counted; the node itself counted them before it stopped.
    too_much=$(beyond_consent "$copies" "${4% *} any") || too_much="unknown ($1 answers: $(printf %s "$copies" | cut -c 1-200))"
    [ -z "$too_much" ] || fail "$3 has the only copy of queues that the plan did not show, so it was not forgotten: $too_much" \
      "run the same command again: the new plan shows them"
    have_forgotten "$1" "$2" "$3" || ! lists "$@" || fail "$1 did not forget $3" "RabbitMQ's error is in the lines above"
  fi
  no_queue_on "$@" >/dev/null || release_queues "$@"
  # shellcheck disable=SC2154 # await sets answer
  await 30 no_queue_on "$@" ||
    fail "$3 is forgotten, but queues still list it: $(printf %s "$answer" | cut -c 1-300)" \
      "rabbitmq-queues shrink $3 on $1; for streams rabbitmq-streams delete_replica"
}

# Without its database a node may keep running and never answer.
have_forgotten() { # NODE MODE GONE
  for try in 1 2 3; do
    rc=0
    control 100 "$1" forget_cluster_node "$3" || rc=$?
    case $rc in 124 | 137) ;; *) return "$rc" ;; esac
    ! says closed database "$1" "$2" >/dev/null ||
      fail "$1 runs without its database (Mnesia), which stops when its disk is full or read-only, so it cannot forget a node" \
        "make /var writable again, restart it (systemctl restart rabbitmq-server on its host), then run the same command again"
    printf '%s has not answered for %s s\n' "$1" "$((try * 100))"
  done
  return 1
}

# Renamed, not removed: the node's data can still be recovered. Files beside the directory are moved first, so that
# a run after an interruption finds the directory and resumes.
keep_data() { # NODE
  case $(systemctl is-active rabbitmq-server) in
    inactive | failed | unknown) ;;
    *) fail "the broker on this host is not stopped, so its data was not moved" ;;
  esac
  name_is_free "$1" || fail "$1 still runs, so its data was not moved"
  read_environment
  kept=$(kept_base)/$1.$(date -u +%Y%m%dT%H%M%SZ)
  make_kept "$kept"
  aside=$(as_rabbitmq 10 head -c 4096 "$data_base/$1-only-copies" 2>/dev/null | head -n 1 | cut -c 1-300) || aside=''
  for path in "$data_base/$1-"* "/var/lib/rabbitmq/Mnesia.$1" "$data_base/$1.pid" "$data_base/$1"; do
    # shellcheck disable=SC2016 # the inner shell's arguments
    as_rabbitmq 300 sh -c 'if [ -e "$1" ] || [ -L "$1" ]; then mv -n -T "$1" "$2/${1##*/}"; fi; [ ! -e "$1" ] && [ ! -L "$1" ]' \
      sh "$path" "$kept" || not_kept "$path"
  done
  printf 'kept in %s\n' "$kept"
  offer_kept "$1" "$kept" "$aside"
}

# How to access the data: a script that serves it alone, for user rabbitmq, who owns all of it.
offer_kept() { # NODE DIRECTORY TOLD
  # shellcheck disable=SC2154 # serve_kept_sh is set before this file
  printf '%s\n' "$serve_kept_sh" | as_rabbitmq 10 tee "$2/serve" >/dev/null || not_kept "$2/serve"
  [ -n "$3" ] || return 0
  told "$3 moved aside to $2; to get them back, serve them alone, on ${1#*@}:"
  told "\$ sudo runuser -u rabbitmq -- sh $2/serve"
}
