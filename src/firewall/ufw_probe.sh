# shellcheck shell=sh disable=SC2154
# Its own `ufw status` takes a quarter of a second.
ufw_rules() {
  enabled=no
  while IFS='= ' read -r key value; do
    [ "$key" != ENABLED ] || enabled=$value
  done </etc/ufw/ufw.conf || return 0
  [ "$enabled" = yes ] || return 0
  section ufw
  echo active
  [ ! -e /run/rabbitup-firewall-ufw/back ] || echo on-trial
  grep -h '^### tuple ###' /etc/ufw/user.rules /etc/ufw/user6.rules | sed 's/^/saved=/'
  limit 3 iptables -S ufw-user-input | sed 's/^/now=/'
  limit 3 ip6tables -S ufw6-user-input | sed 's/^/now=/'
}
