# shellcheck shell=sh

start_unit() { # UNIT [SOFTWARE]
  systemctl -q is-enabled "$1" 2>/dev/null || bounded 60 systemctl enable "$1"
  bounded 90 systemctl start "$1" || unit_failed "$1"
  [ -z "${2:-}" ] || await 20 "$2_serves" || unit_failed "$1"
}

reload_unit() { # UNIT
  bounded 60 systemctl reload "$1" || unit_failed "$1"
}

stop_unit() { # UNIT
  bounded 90 systemctl disable --now "$1"
}

# The unit's last log lines name the cause far more often than systemctl's "see journalctl".
unit_failed() { # UNIT
  bounded 10 journalctl -u "$1" -n 15 --no-pager -o cat 2>/dev/null || :
  fail "$1 did not start" "its log on the host: journalctl -u $1"
}
