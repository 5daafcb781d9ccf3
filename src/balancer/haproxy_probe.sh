# shellcheck shell=sh disable=SC2154,SC2034
# Part of the probe: the states of HAProxy's servers, from its socket. probe.sh has section, limit and the socket.
haproxy_state() {
  stat=''
  question='show info;show stat -1 4 -1'
  case $runtime_socket in
    /*)
      for socket in $runtime_socket; do
        [ ! -S "$socket" ] || stat=$(unix_socket 2 "$socket" "$question")
      done
      ;;
    *)
      # shellcheck disable=SC2016  # bash expands it
      stat=$(limit 2 bash --norc -p -c 'exec 3<>"/dev/tcp/${0%:*}/${0##*:}" && echo "$1" >&3 && cat <&3' \
        "$runtime_socket" "$question")
      ;;
  esac
  case $stat in
    *Uptime_sec:*) printf '%s\n' "$stat" | grep '^Uptime_sec:' ;;
    *) haproxy_age ;;
  esac
  date +Read_at:%s
  case $stat in
    *'# pxname'*)
      section haproxy
      stat="# pxname${stat#*'# pxname'}"
      printf '%s\n' "$stat"
      # The ports on which all checks of a server pass. A server that has just been enabled is "UP 1/3" before its first check.
      up=$(printf '%s\n' "$stat" | awk -F, '
        /^# / { for (i = 1; i <= NF; i++) at[$i] = i; next }
        at["addr"] { n = split($at["addr"], part, ":"); if (n > 1) up[$2 ":" part[n]] += $at["status"] == "UP" ? 0 : 1 }
        END { for (server in up) if (up[server] == 0) printf " %s ", server }')
      ;;
  esac
}

# A reload that failed may have taken the socket away from the process that goes on. Those that end after a reload are older than the
# one that counts.
haproxy_age() {
  started_by haproxy etimes= | sort -n | sed -n '1s/^ */Uptime_sec: /p'
}
