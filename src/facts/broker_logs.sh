# shellcheck shell=sh
# RabbitMQ's logs, in a directory of user rabbitmq's; broker_user.sh stands before this.

# The logs with content that were written last, newest first, by their names in /var/log/rabbitmq. Names that no broker
# gives are left out.
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
