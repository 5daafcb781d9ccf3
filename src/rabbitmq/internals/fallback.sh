# shellcheck shell=sh
# The official commands for questions that a node cannot be asked. Each starts an Erlang VM, which takes about a second.

fallback_serving() { # NODE
  if rabbit_tool 60 rabbitmq-diagnostics -q -n "$1" check_running >/dev/null 2>&1; then echo true; else echo false; fi
}

# The names in one list of `cluster_status`, one a line: disk_nodes, ram_nodes, running_nodes.
status_list() { # LIST STATUS
  names=${2#*"\"$1\":["}
  [ "$names" != "$2" ] || return 0
  printf '%s\n' "${names%%]*}" | tr -d '"' | tr ',' '\n'
}

cluster_status() { # NODE
  rabbit_tool 60 rabbitmqctl -q -n "$1" cluster_status --formatter json 2>&1
}

fallback_members() { # NODE
  status=$(cluster_status "$1") || { printf '%s\n' "$status"; return 2; }
  { status_list disk_nodes "$status"; status_list ram_nodes "$status"; } | sort -u | tr '\n' ' ' | sed 's/^ *//; s/ *$//'
}

fallback_runs() { # NODE MODE "X = 'NODE',"
  status=$(cluster_status "$1") || { printf '%s\n' "$status"; return 2; }
  other=${3#*"'"}
  if status_list running_nodes "$status" | grep -Fqx "${other%%"'"*}"; then echo true; else echo false; fi
}

fallback_absent() { # NODE
  status=$(cluster_status "$1") || { printf '%s\n' "$status"; return 2; }
  members=$({ status_list disk_nodes "$status"; status_list ram_nodes "$status"; } | sort -u | grep -c @) || :
  running=$(status_list running_nodes "$status" | grep -c @) || :
  printf '%s\n' "$((members - running))"
}

fallback_drained() { # NODE
  status=$(cluster_status "$1") || { printf '%s\n' "$status"; return 2; }
  case $status in
    *'"maintenance_status":{'*"\"$1\":\"not under maintenance\""*) echo false ;;
    *'"maintenance_status":{'*"\"$1\":\""*) echo true ;;
    *) printf 'cluster_status does not tell whether %s is in maintenance mode\n' "$1"; return 44 ;;
  esac
}

# Whether the replicas on X are up: a queue that lists X among its members lists it among those that are online. Whether they are
# level with the others is not told this way.
fallback_caught_up() { # NODE MODE "X = 'NODE',"
  on=${3#*"'"} on=${on%%"'"*}
  vhosts=$(rabbit_tool 60 rabbitmqctl -q -n "$1" --silent list_vhosts name 2>&1) || { printf '%s\n' "$vhosts"; return 2; }
  rc=0
  # The last command of the pipe is the one that may fail.
  queues=$(printf '%s\n' "$vhosts" | while IFS= read -r vhost; do
    rabbit_tool 60 rabbitmqctl -q -n "$1" list_queues -p "$vhost" members online --formatter json 2>&1 </dev/null || exit 2
  done) || rc=$?
  [ "$rc" = 0 ] || { printf '%s\n' "$queues"; return "$rc"; }
  mine=$(printf '%s\n' "$queues" | grep "\"members\":\[[^]]*\"$on\"") || :
  all=$(printf '%s\n' "$mine" | grep -c .) || :
  up=$(printf '%s\n' "$mine" | grep -c "\"online\":\[[^]]*\"$on\"") || :
  [ "$up" = "$all" ] || { printf '%s of %s are not up\n' "$((all - up))" "$all"; return 1; }
  printf 'ok %s\n' "$all"
}
