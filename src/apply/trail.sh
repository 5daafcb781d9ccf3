# shellcheck shell=sh

# The login that became root, in $login: sudo's or doas's, else the one that is given. As one word, it forges no field.
whose_login() { # LOGIN
  login=${SUDO_USER:-${DOAS_USER:-$1}}
  case $login in *[!A-Za-z0-9._@+-]*) login="?" ;; esac
}

# A line in the host's system journal (docs/trail.md): with fields, one per line, in systemd's journal, else to syslog. Fails if neither
# takes it within two seconds each.
to_journal() { # MESSAGE FIELDS
  timeout -k 1 2 logger --journald 2>/dev/null <<FIELDS ||
MESSAGE=$1
PRIORITY=5
SYSLOG_IDENTIFIER=rabbitup
$2
FIELDS
    timeout -k 1 2 logger -t rabbitup -p user.notice "$1" 2>/dev/null
}
