# shellcheck shell=sh disable=SC2154
# $state is the directory of the trial (operation/firewall.sh).

# nftables.service reads one of these; the first that exists is the one, as in the probe.
rules_file() {
  for file in /etc/sysconfig/nftables.conf /etc/nftables.conf; do
    [ ! -f "$file" ] || { echo "$file" && return; }
  done
  fail "there is no nftables.conf" "create /etc/nftables.conf with this host's rules"
}

nftables_may_change() { rules_file >/dev/null; }

# Empty, the chains change nothing, so they may stay.
nftables_way_back() {
  file=$(rules_file)
  cp -p "$file" "$state/rules"
  : >"$state/chains"
  our_chains | while read -r table; do
    # shellcheck disable=SC2086 # family and name
    nft list chain $table rabbitup >>"$state/chains"
  done
  cat <<BACK
cp -p $state/rules $file
nft list chains | while read -r first second third _; do
  case \$first:\$second in
    table:*) table="\$second \$third" ;;
    chain:rabbitup) nft flush chain \$table rabbitup ;;
  esac
done
nft -f $state/chains
BACK
}

# The tables with a chain of this name, as `FAMILY NAME`.
our_chains() {
  nft list chains | while read -r first second third _; do
    case $first:$second in
      table:*) table="$second $third" ;;
      chain:rabbitup) printf '%s\n' "$table" ;;
    esac
  done
}

nftables_open() { # BLOCK
  file=$(rules_file)
  kept=$(sed '/^# BEGIN rabbitup$/,/^# END rabbitup$/d' "$file")
  content="$kept
$1"
  enter_workshop "$file"
  sum=$(printf %s "$content" | md5sum)
  make_new "$file" "$(stat -c %a "$file")" "$(stat -c %U "$file")" "$(stat -c %G "$file")" "${sum%% *}" "$content"
  loads new "$file" || fail "$file would not load at boot with rabbitup's rules (the lines above); nothing was changed" \
    "it must create the chains that filter on this host (nft list chains); if another program does, open the ports there"
  lines_for_now "$1" >now
  bounded 30 nft -f now || fail "nftables refuses the rules (the lines above); nothing was changed"
  place new "$file" backup
  leave_workshop
}

# As at boot: in a network of its own, where no table exists. Rules that name interfaces cannot be loaded there; then at least
# in this one, without a change.
loads() { # FILE OLD
  ! bounded 30 unshare -n nft -f "$1" || return 0
  if bounded 30 unshare -n nft -f "$2" >/dev/null 2>&1; then return 1; fi
  bounded 30 nft -c -f "$1"
}

# Without the jumps that are there.
lines_for_now() { # BLOCK
  printf '%s\n' "$1" | while IFS= read -r line; do
    case $line in
      'insert rule '*)
        chain=${line#insert rule } chain=${chain% jump rabbitup}
        # shellcheck disable=SC2086 # family, table and chain
        ! nft list chain $chain | grep -q '^[[:space:]]*jump rabbitup$' || continue
        ;;
    esac
    printf '%s\n' "$line"
  done
}
