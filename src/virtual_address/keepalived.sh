# shellcheck shell=sh

# Every version ends with 0 if there is nothing to complain about, and with another number for what it would leave out, too: an interface
# that does not exist, a script that it would not run. 2.2.5 to 2.2.7 (Debian 12) end themselves where a script has another user than the one
# that tests: they take the shell for a parent that died (lib/notify.c, `main_pid != getppid()`). Then the users are left out.
keepalived_accepts() { # FILE
  tested=0
  bounded 30 keepalived -t -f "$1" || tested=$?
  [ "$tested" = 143 ] || return "$tested"
  sed 's/^\([[:space:]]*script_user[[:space:]]\{1,\}\|[[:space:]]*user[[:space:]]\{1,\}\).*/\1root/' "$1" >as-root
  bounded 30 keepalived -t -f "$PWD/as-root"
}
