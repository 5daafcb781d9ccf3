# shellcheck shell=sh

haproxy_accepts() { # FILE
  bounded 30 haproxy -c -q -f "$1"
}

# HAProxy's runtime API. perl-base is essential on Debian, unlike socat or any nc -U.
haproxy_says() { # COMMAND
  # shellcheck disable=SC2016 # perl's variables
  bounded 10 perl -MIO::Socket::UNIX -e \
    '$s = IO::Socket::UNIX->new("/run/haproxy/admin.sock") or die "no answer from HAProxy: $!\n"; print $s "$ARGV[0]\n"; $s->flush; print while <$s>' "$1"
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
