# shellcheck shell=sh

# The cookie reaches this text over standard input and printf is a builtin: it is in no process list.
# 0400 and owned by rabbitmq, or Erlang refuses it (auth.erl: no bit for group or others).
put_cookie() { # DIRECTORY MD5 COOKIE
  getent passwd rabbitmq >/dev/null ||
    fail "there is no user rabbitmq on this host" "the package rabbitmq-server makes it; was the package step left out?"
  new=$(mktemp "$1/.rabbitup.XXXXXXXX")
  trap 'rm -f "$new"' EXIT
  printf %s "$3" >"$new"
  written=$(md5sum <"$new")
  [ "${written%% *}" = "$2" ] || fail "what arrived as the cookie is not what was sent"
  chown rabbitmq:rabbitmq "$new"
  chmod 0400 "$new"
  mv -f "$new" "$1/.erlang.cookie"
}

install_cookie() { # MD5 COOKIE
  put_cookie /var/lib/rabbitmq "$@"
}

guard_cookie() {
  guard_mode /var/lib/rabbitmq/.erlang.cookie 0400 rabbitmq rabbitmq
}
