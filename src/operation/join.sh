# shellcheck shell=sh

# Eight numbers, `unknown` if one cannot be counted. All queues are closed from then on.
own_data() { # NODE MODE
  ask own_data "$1" "$2" "X = '$1', Close = true,"
}

# The data that exists and must not be deleted, in words; empty if all of it may be. `any` means that the plan showed it as
# unknown; data that cannot be counted now may be deleted only then.
beyond() { # HELD ALLOWED
  held="$1 " allowed="$2 " beyond=
  for kind in queues messages 'virtual hosts' users policies exchanges parameters bindings; do
    has=${held%% *} may=${allowed%% *}
    held=${held#* } allowed=${allowed#* }
    if [ "$has" = unknown ]; then
      [ "$may" = any ] || beyond="$beyond${beyond:+, }$kind that could not be counted"
      continue
    fi
    case $has in '' | *[!0-9]*) return 1 ;; esac
    if [ "$may" != any ] && [ "$has" -gt "$may" ]; then beyond="$beyond${beyond:+, }$has $kind"; fi
  done
  printf '%s\n' "$beyond"
}

# Cancels a join before anything was wiped: the node accepts clients again.
refuse_join() { # NODE MODE CAUSE [ADVICE]
  node=$1 mode=$2
  shift 2
  reopen "$node" "$mode" || :
  # shellcheck disable=SC2034 # fail reads it, and the cause is a different one
  revive "$node" "$mode" || untold=
  fail "$@"
}

# A node that started alone beside foreign files (see enter.sh) has its feature flags disabled, and without this one it knows no
# maintenance mode. Its own flags go with the join; what it enters has it enabled.
close_to_clients() { # NODE MODE
  if maintain "$1" "$2"; then return 0; fi
  control 120 "$1" enable_feature_flag maintenance_mode_status && maintain "$1" "$2"
}

# Without clients and listeners and with closed queues nothing new can arrive; stop_app alone takes seconds in which it
# could.
look_at_own_data() { # NODE MODE SEED ALLOWED
  close_to_clients "$1" "$2" || refuse_join "$1" "$2" "$1 could not be closed to clients, so its data cannot be counted reliably" \
    "RabbitMQ's error is in the lines above"
  holds=
  if ! { holds=$(own_data "$1" "$2") && more=$(beyond "$holds" "$4"); }; then
    refuse_join "$1" "$2" "$1 does not report its data (its answer: $holds)" "it was not joined; rabbitup status shows what is wrong with it"
  fi
  case $more:$4 in
    :*) ;;
    *:*[1-9]*) refuse_join "$1" "$2" "$1 has more data than the plan showed: $more; joining $3 would destroy all of it" \
      "it was not joined; stop the clients that still write to it, then run the same command again: the new plan lists everything" ;;
    *) refuse_join "$1" "$2" "$1 has data of its own ($more), which joining $3 would destroy" \
      "it was not joined; rabbitup plan lists the data; move it first, or name the node: --destroy-data ${1#*@}" ;;
  esac
}

# join_cluster silently wipes the joining node on every version (rabbit_mnesia:join_cluster and
# rabbit_db_cluster:join both reset it), so its data is checked first.
join_cluster() { # NODE MODE PATIENCE SEED stop-join-start|join-running disc|ram ALLOWED
  node=$1 mode=$2 patience=$3 join_target=$4 method=$5 type=$6 allowed=$7
  await 10 is_serving "$join_target" "$mode" ||
    fail "$join_target does not answer this host: $(why_not_reached "$join_target")" "rabbitup doctor shows the fix"
  await 60 is_serving "$node" "$mode" || fail "$node does not serve, so its data cannot be seen"
  # Checked last: a node that an abandoned run had just started may have been entering when it was probed.
  if lists "$join_target" "$mode" "$node" && lists "$node" "$mode" "$join_target"; then return 0; fi
  look_at_own_data "$node" "$mode" "$join_target" "$allowed"
  set -- "$join_target"
  [ "$type" = disc ] || set -- --ram "$@"
  if [ "$method" = join-running ]; then
    control 300 "$node" join_cluster "$@" || join_failed
  else
    control 120 "$node" stop_app || join_failed
    if ! control 300 "$node" join_cluster "$@"; then
      # The node keeps its data if the join failed before the wipe; it must not stay stopped.
      control 120 "$node" start_app || :
      join_failed
    fi
    start_as "$node" "$mode" "$type" || join_failed
  fi
  await "$patience" is_serving "$node" "$mode" || fail "$node joined, but does not serve"
  confirm_member "$node" "$mode" "$join_target"
  revive_node "$node" "$mode"
}

join_failed() {
  broker_log
  reopen "$node" "$mode" || :
  # shellcheck disable=SC2034 # fail reads it, and the cause is a different one
  revive "$node" "$mode" || untold=
  fail "$node could not join $join_target" "RabbitMQ's error is in the lines above"
}
