# shellcheck shell=sh
# Commands to a running balancer. How they are sent is in the file of its software: SOFTWARE_states SERVER prints
# `BACKEND STATUS`, a tab, and the last check with its place, for every server of that name. SOFTWARE_set SERVER maint|ready
# changes it in all backends; a server that is made ready is not used before a check has passed.

# MOVED: `BACKEND=ADDRESS=PORT` where the server is now elsewhere, `BACKEND=later` where it stays out.
# Prints the backends that do not use it.
is_used() { # SOFTWARE SERVER MOVED...
  software=$1 server=$2
  shift 2
  states=$("${software}_states" "$server")
  [ -n "$states" ] || { echo 'it lists no such server'; return 1; }
  tab=$(printf '\t')
  printf '%s\n' "$states" | {
    rc=0
    while read -r backend status; do
      case " $* " in *" $backend=later "*) continue ;; esac
      # Before a check has passed, the status is DOWN, or UP with the number of checks that are still needed.
      case ${status%%"$tab"*} in UP | 'no check') ;; *) printf '%s %s\n' "$backend" "$status" && rc=1 ;; esac
    done
    exit "$rc"
  }
}

switch_server() { # SOFTWARE NAME SERVER out|in|in-anyway MOVED...
  software=$1 name=$2 server=$3 to=$4
  shift 4
  case $to in out) state=maint ;; *) state=ready ;; esac
  "${software}_set" "$server" "$state" "$@" || {
    # A failed step is not reverted later: a server that is only partly out goes on serving.
    [ "$state" = ready ] || "${software}_set" "$server" ready || :
    fail "$name did not switch $server" "the line above is its answer"
  }
  # shellcheck disable=SC2154 # set by await
  [ "$to" != in ] || await 60 is_used "$software" "$server" "$@" ||
    fail "$name does not use $server again, since its checks fail: $(printf '%s\n' "$answer" | tr '\t\n' ' ;' | sed 's/;$//; s/;/; /g')" \
      "check that the broker listens there and that no firewall is in between; the brokers that were not restarted yet serve on"
}
