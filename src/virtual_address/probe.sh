# shellcheck shell=sh disable=SC2154
# Part of the probe, on load balancers that share an address: who has it, and what keepalived's check says. As the user that keepalived runs
# it as, which has this number in every system.
addresses() {
  [ -n "$address_check" ] || return
  section addresses
  limit 2 ip -o addr show
  [ -x "$address_check" ] || return
  section address-check
  said=$(limit 6 setpriv --reuid=65534 --regid=65534 --clear-groups "$address_check")
  echo "$? $said"
}
