# shellcheck shell=sh disable=SC2154
# What a colleague needs to see of this host: the units' journals and the end of RabbitMQ's logs. It only reads. Runs as
# root under dash, bash or busybox sh; the controller puts before it:
#   nonce        starts every line that frames a section
#   units        the units whose journals are wanted, one per line
# Whole-line comments and indentation are left out when it is sent.
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
# The three that were written last.
at=0
# shellcheck disable=SC2012  # the names are the broker's own, and POSIX sh compares no ages
for log in $(ls -t /var/log/rabbitmq/*.log | head -n 6); do
  if [ ! -s "$log" ] || [ $at = 3 ]; then continue; fi
  at=$((at + 1))
  echo "$nonce log-${log##*/}"
  tail -c 262144 "$log"
  echo
done
echo "$nonce end"
