# shellcheck shell=sh disable=SC2154
# Part of the probe: since when nginx's workers have run, in the words of HAProxy's. A reload that fails leaves the old ones, and
# systemd counts it as one.
nginx_state() {
  # One that died is replaced by one with the same configuration.
  started_by nginx etimes=,args= |
    awk '/worker process *$/ && $1 > age { age = $1 } /worker process *$/ { found = 1 } END { if (found) print "Uptime_sec: " age + 0 }'
  date +Read_at:%s
}
