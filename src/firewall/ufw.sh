# shellcheck shell=sh disable=SC2154
# $state is the directory of the trial (operation/firewall.sh).

ufw_may_change() { bounded 30 ufw status >/dev/null || fail "ufw does not answer" "ask it on the host: ufw status"; }

ufw_way_back() {
  for file in user.rules user6.rules; do
    cp -p "/etc/ufw/$file" "$state/$file"
    echo "cp -p $state/$file /etc/ufw/$file"
  done
  echo "timeout -k 10 60 ufw reload"
}

ufw_open() { # RULES
  printf '%s\n' "$1" >"$state/instructions"
  while read -r rule; do
    [ -n "$rule" ] || continue
    # shellcheck disable=SC2086 # one argument each
    bounded 30 ufw $rule || fail "ufw refuses a rule (the lines above): ufw $rule"
  done <"$state/instructions"
}
