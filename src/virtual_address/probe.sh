# shellcheck shell=sh disable=SC2154
# Part of the probe, on load balancers that share addresses: who has them, what else answers for them, and what keepalived's check says. As
# the user that keepalived runs it as, which has this number in every system.
addresses() {
  [ -n "$address_check" ] || return
  section addresses
  own=$(limit 2 ip -o addr show)
  printf '%s\n' "$own"
  section hardware
  set +f
  for f in /sys/class/net/*/address; do
    ! first "$f" || echo "$line"
  done
  set -f
  awaited='' held=''
  for v in $vips; do
    ask_network "$v"
  done
  if [ -x "$address_check" ]; then
    section address-check
    said=$(limit 6 setpriv --reuid=65534 --regid=65534 --clear-groups "$address_check")
    echo "$? $said"
  fi
  section neighbours
  network_answers
}

# Makes the kernel ask the network (ARP, NDP) who has an address; what answers is read after the check, which takes longer than an answer.
# Of two machines that answer, a host without the address sees only one: over IPv4 the first, over IPv6 the last. The host that has it sees
# the other one alone, but only over IPv4 (of IPv6 the kernel drops such an answer), and with iproute2 5.16 or later.
ask_network() { # ADDRESS
  case $own in *" inet6 $1/"*) return ;; esac
  # What it remembers is forgotten first: a machine that had the address a moment ago has it no longer.
  limit 1 ip neigh flush to "$1"
  case $own in
    *" inet $1/"*)
      dev=${own%%" inet $1/"*} dev=${dev##*"$nl"} dev=${dev#*: } dev=${dev%% *} dev=${dev%%@*}
      ! limit 1 ip neigh replace "$1" dev "$dev" use || held="$held$1 $dev$nl"
      ;;
    *)
      command -v bash >/dev/null || return
      # Whatever is sent makes the kernel ask; nothing has to listen there.
      # shellcheck disable=SC2016  # bash expands it
      limit 1 bash --norc -p -c 'echo >"/dev/udp/$0/9"' "$1"
      awaited="$awaited$1$nl"
      ;;
  esac
}

# Prints the hardware addresses that answered. Nothing answers the host that has the address unless another machine has it as well: that is
# not waited for, and forgotten again.
network_answers() {
  while IFS=' ' read -r v dev; do
    [ -n "$v" ] || continue
    seen=$(limit 1 ip neigh show to "$v")
    limit 1 ip neigh del "$v" dev "$dev"
    say_answer "$v" "$seen"
  done <<EOF
$held
EOF
  for _ in 1 2 3 4 5; do
    late=''
    for v in $awaited; do
      seen=$(limit 1 ip neigh show to "$v")
      say_answer "$v" "$seen" || case $seen in '' | *FAILED*) ;; *) late="$late$v$nl" ;; esac
    done
    awaited=$late
    [ -n "$awaited" ] || return
    sleep 0.1
  done
}

say_answer() { # ADDRESS LINE
  case $2 in *' lladdr '*) ;; *) return 1 ;; esac
  line=${2#*' lladdr '}
  echo "$1 ${line%% *}"
}
