# shellcheck shell=sh

# The cookie reaches this text over standard input and printf is a builtin: it is in no process list.
# 0400 and owned by rabbitmq, or Erlang refuses it (auth.erl: no bit for group or others).
install_cookie() { # MD5 COOKIE
  directory=/var/lib/rabbitmq
  getent passwd rabbitmq >/dev/null ||
    fail "there is no user rabbitmq on this host" "the package rabbitmq-server makes it; was the package step left out?"
  new=$(mktemp "$directory/.rabbitup.XXXXXXXX")
  trap 'rm -f "$new"' EXIT
  printf %s "$2" >"$new"
  written=$(md5sum <"$new")
  [ "${written%% *}" = "$1" ] || fail "what arrived as the cookie is not what was sent"
  chown rabbitmq:rabbitmq "$new"
  chmod 0400 "$new"
  mv -f "$new" "$directory/.erlang.cookie"
}

guard_cookie() {
  guard_mode /var/lib/rabbitmq/.erlang.cookie 0400 rabbitmq rabbitmq
}
