# shellcheck shell=sh
# RabbitMQ's logs, in a directory owned by user rabbitmq; broker_user.sh comes before this.

# The newest non-empty logs, newest first, by their names in /var/log/rabbitmq. Skips names that no broker uses.
newest_logs() { # COUNT [MINUTES]
  as_rabbitmq 10 find /var/log/rabbitmq -maxdepth 1 -type f -size +0 -name '*.log' -mmin "-${2:-9999999}" -exec ls -t {} + 2>/dev/null |
    sed -n 's|^/var/log/rabbitmq/\([A-Za-z0-9@._-]*\)$|\1|p' | head -n "$1"
}

# The last bytes of one of them.
log_tail() { # NAME BYTES
  {
    # shellcheck disable=SC2016 # the inner shell's arguments
    as_rabbitmq 5 sh -c '[ -f "$1" ] && [ -r "$1" ] && exec tail -c "$2" "$1"' sh "/var/log/rabbitmq/$1" "$2" 2>/dev/null ||
      tail_as_root "/var/log/rabbitmq/$1" "$2"
  } | timeout -k 10 10 head -c "$2"
}

# Since when the logs describe the broker's present state, in seconds since 1970: since its unit's last start; if systemd restarts
# it repeatedly, since it last served, or since the host booted. Failures of older starts are irrelevant. Fails if nothing has
# started it since the host booted.
broker_since() {
  process=0 restarts=0 served=0
  while IFS='=' read -r property value; do
    case $property in
      ExecMainStartTimestampMonotonic) process=$value ;;
      NRestarts) restarts=$value ;;
      ActiveExitTimestampMonotonic) served=$value ;;
    esac
  done <<EOF
$(timeout 5 systemctl show -p ExecMainStartTimestampMonotonic,NRestarts,ActiveExitTimestampMonotonic rabbitmq-server 2>/dev/null)
EOF
  [ "$process" != 0 ] || return 1
  [ "$restarts" = 0 ] || process=$served
  IFS=' .' read -r uptime _ </proc/uptime
  # A second earlier, because the divisions round.
  echo $(($(date +%s) - uptime + process / 1000000 - 1))
}

# The last bytes of a log without the lines before a given time. Lines begin with the host's local time, in the same format down
# to the second since 3.8; other lines belong to the line before. A log without times is the unit's output.
log_since() { # NAME BYTES SECONDS-SINCE-1970
  log_tail "$1" "$2" | awk -v since="$(unset TZ; date -d "@$3" '+%Y-%m-%d %H:%M:%S')" '
    /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9]/ { dated = 1; kept = substr($0, 1, 19) >= since }
    !dated { head = head $0 "\n" }
    kept
    END { if (!dated) printf "%s", head }'
}
