# shellcheck shell=sh

haproxy_accepts() { # FILE
  bounded 30 haproxy -c -q -f "$1"
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

# `BACKEND STATUS` of every server of that name. Field 18 of the statistics is the status.
haproxy_states() { # SERVER
  haproxy_says 'show stat -1 4 -1' | awk -F, -v server="$1" '$2 == server { print $1, $18 }'
}

# In all backends, even if one of them fails.
haproxy_set() { # SERVER maint|ready
  haproxy_states "$1" | {
    rc=0
    while read -r backend _; do
      said=$(haproxy_says "set server $backend/$1 state $2" 2>&1) || rc=1
      case $said in *[!" 	
"]*) printf '%s\n' "$said" && rc=1 ;; esac
    done
    exit "$rc"
  }
}
