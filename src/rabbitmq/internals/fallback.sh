# shellcheck shell=sh
# The official commands for questions that a node does not support. Each starts an Erlang VM, which takes about a second.

# Returns 44 if this version does not support the command or one of its arguments (64, EX_USAGE), 2 if it fails.
official() { # TOOL NODE ARGUMENT...
  rc=0
  tool=$1 target=$2
  shift 2
  printed=$(rabbit_tool 60 "$tool" -q -n "$target" "$@" 2>&1 </dev/null) || rc=$?
  printf '%s\n' "$printed"
  case $rc in 0) ;; 64) return 44 ;; *) return 2 ;; esac
}

fallback_serving() { # NODE
  rc=0
  official rabbitmq-diagnostics "$1" check_running >/dev/null || rc=$?
  case $rc in 0) echo true ;; 44) return 44 ;; *) echo false ;; esac
}

# The names in one list of `cluster_status`, one per line: disk_nodes, ram_nodes, running_nodes.
status_list() { # LIST STATUS
  names=${2#*"\"$1\":["}
  [ "$names" != "$2" ] || return 0
  printf '%s\n' "${names%%]*}" | tr -d '"' | tr ',' '\n'
}

# A missing list would look like an empty one.
cluster_status() { # NODE
  rc=0
  seen=$(official rabbitmqctl "$1" cluster_status --formatter json) || rc=$?
  printf '%s\n' "$seen"
  case $rc:$seen in
    0:*'"disk_nodes":['*'"running_nodes":['*) ;;
    0:*) return 44 ;;
    *) return "$rc" ;;
  esac
}

fallback_members() { # NODE
  rc=0
  status=$(cluster_status "$1") || rc=$?
  [ "$rc" = 0 ] || { printf '%s\n' "$status"; return "$rc"; }
  { status_list disk_nodes "$status"; status_list ram_nodes "$status"; } | sort -u | tr '\n' ' ' | sed 's/^ *//; s/ *$//'
}

fallback_runs() { # NODE MODE "X = 'NODE',"
  rc=0
  status=$(cluster_status "$1") || rc=$?
  [ "$rc" = 0 ] || { printf '%s\n' "$status"; return "$rc"; }
  other=${3#*"'"}
  if status_list running_nodes "$status" | grep -Fqx "${other%%"'"*}"; then echo true; else echo false; fi
}

fallback_absent() { # NODE
  rc=0
  status=$(cluster_status "$1") || rc=$?
  [ "$rc" = 0 ] || { printf '%s\n' "$status"; return "$rc"; }
  members=$({ status_list disk_nodes "$status"; status_list ram_nodes "$status"; } | sort -u | grep -c @) || :
  running=$(status_list running_nodes "$status" | grep -c @) || :
  # The node that answers is a member and runs: without it, these are not the lists.
  if [ "$members" = 0 ] || [ "$running" = 0 ]; then
    printf 'cluster_status does not list the members of %s\n' "$1"
    return 44
  fi
  printf '%s\n' "$((members - running))"
}

fallback_drained() { # NODE
  rc=0
  status=$(cluster_status "$1") || rc=$?
  [ "$rc" = 0 ] || { printf '%s\n' "$status"; return "$rc"; }
  case $status in
    *'"maintenance_status":{'*"\"$1\":\"not under maintenance\""*) echo false ;;
    *'"maintenance_status":{'*"\"$1\":\""*) echo true ;;
    *) printf 'cluster_status does not report whether %s is in maintenance mode\n' "$1"; return 44 ;;
  esac
}

# Whether the replicas on X are up: a queue that lists X as a member also lists it as online. This does not show whether they have
# caught up.
fallback_caught_up() { # NODE MODE "X = 'NODE',"
  on=${3#*"'"} on=${on%%"'"*}
  rc=0
  vhosts=$(official rabbitmqctl "$1" --silent list_vhosts name) || rc=$?
  [ "$rc" = 0 ] || { printf '%s\n' "$vhosts"; return "$rc"; }
  # The last command of the pipe is the one that may fail.
  queues=$(printf '%s\n' "$vhosts" | while IFS= read -r vhost; do
    official rabbitmqctl "$1" list_queues -p "$vhost" members online --formatter json || exit
  done) || rc=$?
  [ "$rc" = 0 ] || { printf '%s\n' "$queues"; return "$rc"; }
  # A queue without these keys is from a version with another format.
  if printf '%s\n' "$queues" | grep '{' | grep -qv '"members":.*"online":\|"online":.*"members":'; then return 44; fi
  mine=$(printf '%s\n' "$queues" | grep "\"members\":\[[^]]*\"$on\"") || :
  all=$(printf '%s\n' "$mine" | grep -c .) || :
  up=$(printf '%s\n' "$mine" | grep -c "\"online\":\[[^]]*\"$on\"") || :
  [ "$up" = "$all" ] || { printf '%s of %s are not up\n' "$((all - up))" "$all"; return 1; }
  printf 'ok %s\n' "$all"
}
