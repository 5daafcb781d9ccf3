# shellcheck shell=sh

start_unit() { # UNIT [SOFTWARE]
  systemctl -q is-enabled "$1" 2>/dev/null || bounded 60 systemctl enable "$1"
  # One that failed several times in a row is refused by systemd, though what was wrong has just been repaired.
  bounded 10 systemctl reset-failed "$1" 2>/dev/null || :
  told_at=$(date +%s)
  bounded 90 systemctl start "$1" || unit_failed "$1"
  [ -z "${2:-}" ] || await 20 "$2_serves" || unit_failed "$1"
}

restart_unit() { # UNIT
  told_at=$(date +%s)
  bounded 60 systemctl restart "$1" || unit_failed "$1"
}

# systemctl returns when the main process has been told. It starts others that serve with the new configuration; until they do, the
# old ones answer, or nobody does. If they cannot, the old ones go on, and systemd does not know.
reload_unit() { # UNIT [SOFTWARE]
  told_at=$(date +%s)
  if [ -z "${2:-}" ]; then
    bounded 60 systemctl reload "$1" || unit_failed "$1" 'did not reload'
    return
  fi
  old=$(started_by "$1" pid=) || old=
  bounded 60 systemctl reload "$1" || unit_failed "$1" 'did not reload'
  # shellcheck disable=SC2086 # a word for each
  await 20 has_new_worker "$2" $old ||
    unit_failed "$1" 'goes on with its old configuration, since it cannot use the new one' "$2"
}

has_new_worker() { # SOFTWARE OLD...
  workers=$("$1_workers") || { printf '%s\n' "$workers"; return 1; }
  shift
  for worker in $workers; do
    case " $* " in *" $worker "*) ;; *) return 0 ;; esac
  done
  return 1
}

stop_unit() { # UNIT
  bounded 90 systemctl disable --now "$1"
}

# What the unit logged since it was told names the cause far more often than systemctl's "see journalctl": its alarms, or else its last
# lines. A load balancer that goes on logs much else meanwhile.
unit_failed() { # UNIT [WHAT [SOFTWARE]]
  what=${2:-did not start}
  logged=$(bounded 10 journalctl -u "$1" --since "@$told_at" -n 200 --no-pager -o cat 2>/dev/null) || :
  [ -z "${3:-}" ] || logged=$(printf '%s\n' "$logged" && "$3_log" "$told_at")
  said=$(printf '%s\n' "$logged" | grep -E '\[(ALERT|emerg)\]' | tail -n 15)
  [ -n "$said" ] || said=$(printf '%s\n' "$logged" | tail -n 15)
  [ -z "$said" ] || printf '%s\n' "$said"
  # As HAProxy and nginx write it: `for [0.0.0.0:5672]`, `cannot bind socket [0.0.0.0:5672]` (2.2), `bind() to [::]:5672 failed (98:
  # Address already in use)`.
  port=$(printf '%s\n' "$said" |
    sed -n -E '/Address already in use|cannot bind socket \[/s/.*[]0-9*]:([0-9]{1,5})[] ].*/\1/p' | head -n 1)
  holder=
  [ -z "$port" ] || holder=$(held_by "$port")
  case $holder in
    '' | "$1 "*) ;;
    *) fail "$1 $what: port $port is held by $holder" \
      "stop $holder, or let the load balancer use another port; then run the same command again" ;;
  esac
  fail "$1 $what" "its log on the host: journalctl -u $1"
}

# The program that listens on a port, `perl (process 2000)`; nothing if it cannot be told.
held_by() { # PORT
  timeout 5 ss -Hltnp "sport = :$1" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (process \2)/p' | head -n 1
}
