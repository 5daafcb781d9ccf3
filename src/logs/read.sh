# shellcheck shell=sh disable=SC2154
# Reads the ends of logs. Read-only. The controller prepends script_head.sh and broker_user.sh, and
#   log               the name of RabbitMQ's log; empty where there is no broker
#   units             the units whose journals are read, one per line
#   lines             how many lines before the end to begin; empty: all that fit
#   since             the seconds since 1970 after which entries of the journal count, or empty
#   inode, position   where the last reading of the log ended, or empty
#   cursor            where the last reading of the journal ended, or empty
#   most              how many bytes of the log are read at most
# Whole-line comments and indentation are removed before it is sent.

# Runs as user rabbitmq, who owns the directory. First a line with the log's inode and the position that was read to, then what is new. A
# log that was rotated since has another name: the rest of it comes first.
# shellcheck disable=SC2016,SC2034 # the inner shell's; eval in a test
read_log='read_log() { # DIRECTORY NAME INODE POSITION LINES MOST
  cd "$1" && [ -f "$2" ] || return 0
  place=$(stat -L -c "%i %s" "$2") || return 0
  file=${place% *} size=${place#* } from=0
  if [ -z "$3" ]; then
    [ "$size" -le "$6" ] || from=$((size - $6))
    echo "$place"
    tail -c "+$((from + 1))" "$2" | head -c "$((size - from))" | tail -n "${5:-+1}"
    return
  fi
  old=
  if [ "$file" = "$3" ] && [ "$size" -ge "$4" ]; then
    from=$4
  elif [ "$file" != "$3" ]; then
    old=$(find . -maxdepth 1 -type f -inum "$3" | head -n 1)
  fi
  count=$((size - from))
  [ "$count" -le "$6" ] || count=$6
  echo "$file $((from + count))"
  [ -z "$old" ] || tail -c "+$(($4 + 1))" "$old" | head -c "$6"
  tail -c "+$((from + 1))" "$2" | head -c "$count"
}'
# end of read_log

# RabbitMQ before 3.9 writes the host's local time without saying so.
section zone
(unset TZ && date +%z)

if [ -n "$log" ]; then
  # shellcheck disable=SC2016 # the inner shell's
  as_rabbitmq 20 sh -c 'eval "$1"; shift; read_log "$@"' sh "$read_log" /var/log/rabbitmq "$log" "$inode" "$position" "$lines" "$most" | {
    read -r end || exit 0
    section place
    printf '%s\n' "$end"
    section log
    cat
    echo
  }
fi

# Before the journal is read: what comes meanwhile is told twice rather than never.
now=$(date +%s)
# The unit's own messages, systemd's about it, and the steps that rabbitup notes.
set --
for unit in $units; do
  set -- "$@" "_SYSTEMD_UNIT=$unit.service" + _PID=1 "UNIT=$unit.service" +
done
set -- "$@" SYSLOG_IDENTIFIER=rabbitup
[ -z "$cursor" ] || set -- --after-cursor="$cursor" "$@"
[ -z "$since" ] || set -- --since="@$since" "$@"
section journal
limit 20 journalctl -q --no-pager -o short-iso-precise --show-cursor -n "${lines:-20000}" "$@"
echo
section now
echo "$now"
section end
