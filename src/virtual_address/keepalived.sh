# shellcheck shell=sh

# Every version ends with 0 if there is nothing to complain about, and with another number for what it would leave out, too: an interface
# that does not exist, a script that it would not run.
keepalived_accepts() { # FILE
  bounded 30 keepalived -t -f "$1"
}
