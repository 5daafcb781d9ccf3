# shellcheck shell=sh

# Whether the cluster can spare the node right now: no queue would lose its quorum, and on versions with mirrored
# queues none its last synchronised mirror. 64 says that the version does not know the question.
can_be_spared() { # NODE
  rabbit_tool 60 rabbitmq-diagnostics -q -n "$1" check_if_node_is_quorum_critical || return 1
  rc=0
  rabbit_tool 60 rabbitmq-diagnostics -q -n "$1" check_if_node_is_mirror_sync_critical || rc=$?
  [ "$rc" = 0 ] || [ "$rc" = 64 ]
}

# Right after another node's restart its replicas may still catch up, so the answer is waited for.
await_spare() { # NODE PATIENCE
  end=$(($(date +%s) + $2))
  until answer=$(can_be_spared "$1" 2>&1); do
    if [ "$(date +%s)" -ge "$end" ]; then
      printf '%s\n' "$answer"
      case $answer in
        *'would lose'*) ;;
        *) fail "$1 could not be asked whether the cluster can spare it, so it was not stopped" "rabbitup status shows what is wrong with it" ;;
      esac
      case $answer in
        *synchroni*) then='rabbitup run sync-queue brings mirrors up to date that do not do so by themselves' ;;
        *) then='bring the other nodes up and in sync first: rabbitup status' ;;
      esac
      fail "$1 is needed right now, by the quorum or the last mirror of a queue, so it was not stopped" "$then"
    fi
    sleep 1
  done
}

# The leaders that drain hands over are elected by the others a moment later; a stop in between costs a moment more.
leads_nothing() { # NODE MODE
  [ "$(node_eval "$1" "$2" 'length([Q || Q <- rabbit_amqqueue:list(), {Name, _} <- [amqqueue:get_pid(Q)], case ra_leaderboard:lookup_leader(Name) of {_, N} -> N =:= node(); _ -> false end])')" = 0 ]
}

is_drained() { # NODE MODE
  [ "$(node_eval "$1" "$2" 'rabbit_maintenance:is_being_drained_local_read(node())')" = true ]
}

is_not_drained() { # NODE MODE
  [ "$(node_eval "$1" "$2" 'rabbit_maintenance:is_being_drained_local_read(node())')" = false ]
}

# drain and revive may report an error though they did it (rabbitmq-server#3369, #8414): the state counts.
drain() { # NODE MODE
  rabbit_tool 180 rabbitmq-upgrade -q -n "$1" drain || :
  if ! await 10 is_drained "$1" "$2"; then
    revive "$1" "$2" || :
    fail "$1 could not be drained, so it was not stopped (its last answer: ${answer:-none})" \
      "the lines above are RabbitMQ's own words"
  fi
  await 10 leads_nothing "$1" "$2" || :
}

revive() { # NODE MODE
  ! is_not_drained "$1" "$2" || return 0
  rabbit_tool 180 rabbitmq-upgrade -q -n "$1" revive || :
  await 10 is_not_drained "$1" "$2"
}

revive_node() { # NODE MODE
  revive "$1" "$2" || fail "$1 stays in maintenance mode" "the lines above are RabbitMQ's own words"
}

# Out of service: asked for first, since a drained node always passes the check (release notes of 3.8.10).
take_out() { # NODE MODE PATIENCE none|quorum-critical
  [ "$4" != none ] || return 0
  await_spare "$1" "$3"
  drain "$1" "$2"
}

all_members_run() { # NODE MODE
  [ "$(node_eval "$1" "$2" 'try length(rabbit_nodes:list_members()) - length(rabbit_nodes:list_running()) catch error:undef -> length(rabbit_mnesia:cluster_nodes(all)) - length(rabbit_mnesia:cluster_nodes(running)) end')" = 0 ]
}

# Back in service: it serves, sees everybody, takes clients, and what it holds has caught up.
bring_back() { # NODE MODE PATIENCE none|quorum-critical
  start_broker "$1" "$2" "$3"
  [ "$4" != none ] || return 0
  await "$3" all_members_run "$1" "$2" || fail "$1 serves, but does not see every member run" "rabbitup status shows who sees what"
  revive_node "$1" "$2"
  await_replicas "$1" "$2" "$3" "$1"
}

restart_broker() { # NODE MODE PATIENCE none|quorum-critical
  take_out "$@"
  stop_broker "$1"
  bring_back "$@"
}

# What the new version needs is fetched before the node stops: the network is not to lengthen its absence.
upgrade_broker() { # NODE MODE PATIENCE none|quorum-critical PACKAGE=VERSION...
  node=$1 mode=$2 patience=$3 gate=$4
  shift 4
  held=$(apt-mark showhold 2>/dev/null | tr '\n' ' ')
  refresh_lists
  bounded 900 apt-get -q -y --download-only --no-install-recommends --allow-change-held-packages \
    -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 install "$@" || packages_failed "$@"
  take_out "$node" "$mode" "$patience" "$gate"
  stop_broker "$node"
  installed=yes
  (install_packages rabbitmq-server "$@") || installed=no
  # shellcheck disable=SC2086 # a list of package names
  [ -z "$held" ] || bounded 60 apt-mark -q hold $held
  if [ "$installed" = no ]; then
    # What was there before serves again, if dpkg left it whole.
    (bring_back "$node" "$mode" "$patience" "$gate") || :
    fail "$node was not upgraded" "mend what the lines above name, then run the same command again"
  fi
  bring_back "$node" "$mode" "$patience" "$gate"
}

enable_feature_flags() { # NODE
  control 300 "$1" enable_feature_flag all ||
    fail "a feature flag could not be enabled" "the lines above are RabbitMQ's own words"
}

# HAProxy's runtime API. perl-base is essential on Debian, which cannot be said of socat or any nc -U.
haproxy_says() { # COMMAND
  # shellcheck disable=SC2016 # perl's variables
  bounded 10 perl -MIO::Socket::UNIX -e \
    '$s = IO::Socket::UNIX->new("/run/haproxy/admin.sock") or die "no answer from HAProxy: $!\n"; print $s "$ARGV[0]\n"; $s->flush; print while <$s>' "$1"
}

# `BACKEND STATUS` of every server of that name. Field 18 of the statistics is the status.
server_states() { # SERVER
  haproxy_says 'show stat -1 4 -1' | awk -F, -v server="$1" '$2 == server { print $1, $18 }'
}

is_used() { # SERVER
  states=$(server_states "$1")
  printf '%s\n' "$states"
  [ -n "$states" ] && ! printf '%s\n' "$states" | grep -qv -e ' UP' -e ' no check'
}

switch_server() { # SERVER out|in
  case $2 in out) state=maint ;; *) state=ready ;; esac
  server_states "$1" | while read -r backend _; do
    said=$(haproxy_says "set server $backend/$1 state $state")
    case $said in *[!" 	
"]*) printf '%s\n' "$said"; exit 1 ;; esac
  done || fail "HAProxy did not switch $1" "the line above is its own answer"
  [ "$2" = out ] || await 60 is_used "$1" ||
    fail "HAProxy does not use $1 again: $(printf %s "$answer" | tr '\n' ' ')" "rabbitup status shows what its check says"
}
