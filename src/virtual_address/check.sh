# shellcheck shell=sh disable=SC2154
# Whether this host's load balancer can serve clients: if it cannot, another one gets the address. What it prints is for people, and for
# rabbitup's probe; keepalived reads only the exit code. It is no question to brokers: none of them sees it, or only a connection
# without data, which it does not log.

# Nobody may read both files, and it costs no connection.
listens() {
  grep -q -E "^ *[0-9]+: [0-9A-F]+:$port_in_hex [0-9A-F]+:0000 0A " /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

accepts() { # ADDRESS PORT
  # shellcheck disable=SC2016 # bash expands it
  timeout 1 bash --norc -p -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null
}

any_broker() {
  while read -r address at; do
    ! accepts "$address" "$at" || return 0
  done <<EOF
$brokers
EOF
  return 1
}

if ! listens; then
  echo "nothing listens on port $port"
  exit 1
fi
if [ -S "$alive" ]; then
  said=$(unix_socket 2 "$alive" 'GET / HTTP/1.0
' 2>&1)
  case $said in
    'HTTP/1.'?' 200 '*) exit 0 ;;
    'HTTP/1.'?' 503 '*) echo 'it reaches no broker' ;;
    *) echo "no answer at $alive" ;;
  esac
  exit 1
fi
any_broker || { echo 'no broker accepts connections from here' && exit 1; }
