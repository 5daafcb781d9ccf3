# shellcheck shell=sh disable=SC2154,SC2034
# Part of the probe: the states of HAProxy's servers, from its socket. probe.sh has section, limit and the socket.
balancer() {
  section balancer
  up=' ' down=' ' stat=''
  [ -n "$runtime_socket" ] || return
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
  while IFS=, read -r px sv _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ status _; do
    case $px in Uptime_sec:*) echo "$px" ;; esac
    case $px:$status in
      '# pxname:'* | *:) ;;
      *:UP*) up="$up$sv " ;;
      *) down="$down$sv " ;;
    esac
  done <<EOF
$stat
EOF
  case $stat in
    *'# pxname'*)
      section haproxy
      printf '%s\n' "# pxname${stat#*'# pxname'}"
      ;;
  esac
}
