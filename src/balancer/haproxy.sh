# shellcheck shell=sh

haproxy_accepts() { # FILE
  bounded 30 haproxy -c -q -f "$1" || return 1
  # It opens two files for each connection, and does not start where it may not: `-c` does not try.
  connections=$(sed -n 's/^ *maxconn \([0-9]\{1,\}\)$/\1/p' "$1" | head -n 1)
  [ -n "$connections" ] || return 0
  files=$((2 * connections + 100))
  for allowed in $(sed -n 's/^Max open files *[0-9a-z]* *\([0-9]*\) .*/\1/p' /proc/1/limits; systemctl show -p LimitNOFILE --value haproxy); do
    case $allowed in *[!0-9]*) continue ;; esac
    [ "$allowed" -ge "$files" ] ||
      { echo "maxconn $connections needs $files open files, and this host allows HAProxy $allowed"; return 1; }
  done
}

# Its main process says that it has started before the one that serves has.
haproxy_serves() {
  ! haproxy_has_socket || haproxy_says 'show info' >/dev/null
}

# An operator's own template may leave it out.
haproxy_has_socket() {
  grep -q '^[[:space:]]*stats socket' /etc/haproxy/haproxy.cfg
}

# The process that has read the configuration that counts now: a new one takes the socket over when it serves.
haproxy_workers() {
  haproxy_has_socket || { started_by haproxy pid=; return; }
  said=$(haproxy_says 'show info') || { printf '%s\n' "$said"; return 1; }
  printf '%s\n' "$said" | sed -n 's/^Pid: *//p'
}

# Its journal has all.
haproxy_log() { # SINCE
  :
}

# HAProxy's runtime API, by the socket that rabbitup's template opens on this system. The probe's text and this one share the
# function that talks to it.
haproxy_says() { # COMMAND
  for socket in /run/haproxy/admin.sock /var/lib/haproxy/stats; do
    [ ! -S "$socket" ] || break
  done
  within 10
  # shellcheck disable=SC2154 # within sets limit
  unix_socket "$limit" "$socket" "$1" || { printf 'no answer from HAProxy at %s\n' "$socket"; return 1; }
}

# `BACKEND STATUS`, a tab, and the last check of every server of that name (`L4CON (Connection refused) at 192.168.0.41:5673`).
haproxy_states() { # SERVER
  haproxy_says 'show stat -1 4 -1' | awk -F, -v server="$1" '
    /^# / { for (i = 1; i <= NF; i++) at[$i] = i; next }
    $2 != server { next }
    {
      check = at["check_status"] ? $at["check_status"] : ""
      sub(/^\* /, "", check)
      why = at["last_chk"] ? $at["last_chk"] : ""
      print $1, $(at["status"] ? at["status"] : 18) "\t" check (why == "" ? "" : " (" why ")") (at["addr"] ? " at " $at["addr"] : "")
    }'
}

# In all backends, even if one of them fails. HAProxy counts a server that leaves maintenance as UP until its next check; it is set
# to down at once, so that only checks that pass from now on bring it back (srv_update_status in HAProxy's server.c; "set server
# health" in its management guide).
haproxy_set() { # SERVER maint|ready MOVED...
  server=$1 state=$2
  shift 2
  haproxy_states "$server" | {
    rc=0
    while read -r backend status; do
      place=''
      for moved in "$@"; do
        case $moved in "$backend="*) place=${moved#*=} ;; esac
      done
      [ "$place" != later ] || continue
      [ -z "$place" ] || haproxy_moves "$backend/$server" "${place%=*}" "${place##*=}" || { rc=1 && continue; }
      haproxy_does "set server $backend/$server state $state" || rc=1
      # One that was in use all along and has not moved stays in use.
      [ "$state" = ready ] || continue
      case $status in MAINT*) ;; *) [ -n "$place" ] || continue ;; esac
      case $(haproxy_states "$server") in
        *"$backend no check"*) ;;
        *) haproxy_does "set server $backend/$server health down" || rc=1 ;;
      esac
    done
    exit "$rc"
  }
}

# A command that answers nothing if it succeeds.
haproxy_does() { # COMMAND
  said=$(haproxy_says "$1" 2>&1) || { printf '%s\n' "$said"; return 1; }
  case $said in *[!" 	
"]*) printf '%s\n' "$said"; return 1 ;; esac
}

# The checks follow.
haproxy_moves() { # BACKEND/SERVER ADDRESS PORT
  said=$(haproxy_says "set server $1 addr $2 port $3" 2>&1) || { printf '%s\n' "$said"; return 1; }
  case $said in *'no need to change the port'* | *"port changed from "*) ;; *) printf '%s\n' "$said"; return 1 ;; esac
}
