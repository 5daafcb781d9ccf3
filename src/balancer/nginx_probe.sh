# shellcheck shell=sh disable=SC2154
# Part of the probe: since when nginx's workers have run, in the words of HAProxy's. A reload that fails leaves the old ones, and
# systemd counts it as one.
nginx_state() {
  main=$(limit 2 systemctl show -p MainPID --value nginx 2>/dev/null)
  [ "${main:-0}" -gt 0 ] || return
  # One that died is replaced by one with the same configuration.
  limit 2 ps -o etimes=,args= --ppid "$main" 2>/dev/null |
    awk '/worker process *$/ && $1 > age { age = $1 } /worker process *$/ { found = 1 } END { if (found) print "Uptime_sec: " age + 0 }'
  date +Read_at:%s
}
