# shellcheck shell=sh

start_unit() { # UNIT [SOFTWARE]
  systemctl -q is-enabled "$1" 2>/dev/null || bounded 60 systemctl enable "$1"
  # One that failed several times in a row is refused by systemd, though what was wrong has just been repaired.
  bounded 10 systemctl reset-failed "$1" 2>/dev/null || :
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
  said=$(bounded 10 journalctl -u "$1" -n 15 --no-pager -o cat 2>/dev/null) || :
  [ -z "$said" ] || printf '%s\n' "$said"
  # As HAProxy and nginx write it: `for [0.0.0.0:5672]`, `bind() to [::]:5672 failed (98: Address already in use)`.
  port=$(printf '%s\n' "$said" | sed -n '/Address already in use/s/.*[]0-9*]:\([0-9]\{1,5\}\)[] ].*/\1/p' | head -n 1)
  holder=
  [ -z "$port" ] || holder=$(held_by "$port")
  case $holder in
    '' | "$1 "*) ;;
    *) fail "$1 did not start: port $port is held by $holder" \
      "stop $holder, or let the load balancer use another port; then run the same command again" ;;
  esac
  fail "$1 did not start" "its log on the host: journalctl -u $1"
}

# The program that listens on a port, `perl (process 2000)`; nothing if it cannot be told.
held_by() { # PORT
  timeout 5 ss -Hltnp "sport = :$1" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (process \2)/p' | head -n 1
}
