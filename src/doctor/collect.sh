# shellcheck shell=sh disable=SC2154
# Collects for a bundle the units' journals and the end of RabbitMQ's logs. Read-only. The controller prepends the files script_head.sh,
# broker_user.sh and broker_logs.sh, and
#   units        the units whose journals are collected, one per line
# Whole-line comments and indentation are removed before it is sent.

for unit in $units; do
  section "journal-$unit"
  limit 10 journalctl -u "$unit" -n 1500 -o short-iso --no-pager | tail -c 262144
  echo
done
# The three newest.
for log in $(newest_logs 3); do
  section "log-$log"
  log_tail "$log" 262144
  echo
done
section end
