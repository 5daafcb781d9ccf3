# shellcheck shell=sh disable=SC2154
# Collects for a bundle the units' journals and the end of RabbitMQ's logs. Read-only. Runs as root under dash, bash or busybox sh;
# the controller prepends the files broker_user.sh and broker_logs.sh, and then
#   nonce        starts every line that frames a section
#   units        the units whose journals are collected, one per line
# Whole-line comments and indentation are removed before it is sent.
exec 2>/dev/null </dev/null
export LC_ALL=C TZ=UTC0
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
cd /
set -u
IFS='
'
if command -v timeout >/dev/null; then limit() { timeout "$@"; }; else limit() { shift; "$@"; }; fi

for unit in $units; do
  echo "$nonce journal-$unit"
  limit 10 journalctl -u "$unit" -n 1500 -o short-iso --no-pager | tail -c 262144
  echo
done
# The three newest.
for log in $(newest_logs 3); do
  echo "$nonce log-$log"
  log_tail "$log" 262144
  echo
done
echo "$nonce end"
