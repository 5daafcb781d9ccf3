# shellcheck shell=sh

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

# In all backends, whatever becomes of one of them.
set_state() { # SERVER maint|ready
  server_states "$1" | {
    rc=0
    while read -r backend _; do
      said=$(haproxy_says "set server $backend/$1 state $2" 2>&1) || rc=1
      case $said in *[!" 	
"]*) printf '%s\n' "$said" && rc=1 ;; esac
    done
    exit "$rc"
  }
}

switch_server() { # SERVER out|in|in-anyway
  case $2 in out) state=maint ;; *) state=ready ;; esac
  set_state "$1" "$state" || {
    # Nobody puts back what was not taken out: one that is out in part serves on.
    [ "$state" = ready ] || set_state "$1" ready || :
    fail "HAProxy did not switch $1" "the line above is its own answer"
  }
  # shellcheck disable=SC2154 # set by await
  [ "$2" != in ] || await 60 is_used "$1" ||
    fail "HAProxy does not use $1 again: $(printf %s "$answer" | tr '\n' ' ')" "rabbitup status shows what its check says"
}
