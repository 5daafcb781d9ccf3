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

switch_server() { # SERVER out|in|in-anyway
  case $2 in out) state=maint ;; *) state=ready ;; esac
  server_states "$1" | while read -r backend _; do
    said=$(haproxy_says "set server $backend/$1 state $state")
    case $said in *[!" 	
"]*) printf '%s\n' "$said"; exit 1 ;; esac
  done || fail "HAProxy did not switch $1" "the line above is its own answer"
  # shellcheck disable=SC2154 # set by await
  [ "$2" != in ] || await 60 is_used "$1" ||
    fail "HAProxy does not use $1 again: $(printf %s "$answer" | tr '\n' ' ')" "rabbitup status shows what its check says"
}
