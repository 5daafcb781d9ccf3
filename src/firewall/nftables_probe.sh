# shellcheck shell=sh disable=SC2154
# Every chain that filters what comes to this host, with its rules, and the rules of rabbitup's chain in its table. firewalld's
# own table is its own.
nftables_rules() {
  command -v nft >/dev/null || return 0
  chains=$(limit 3 nft list chains)
  case $chains in *'hook input'*) ;; *) return 0 ;; esac
  section nftables
  [ ! -e /run/rabbitup-firewall-nftables/back ] || echo on-trial
  for f in /etc/sysconfig/nftables.conf /etc/nftables.conf; do
    [ -f "$f" ] || continue
    echo "file=$f"
    head -c 262144 "$f" | sed -n '/^# BEGIN rabbitup$/,/^# END rabbitup$/s/^/saved=/p'
    break
  done
  table='' chain=''
  while IFS=' 	' read -r first second third _; do
    case $first in
      table) table="$second $third" ;;
      chain) chain=$second ;;
      type)
        case $second:$table in 'filter:inet firewalld') continue ;; filter:*) ;; *) continue ;; esac
        IFS=' '
        # shellcheck disable=SC2086  # family and name
        of_chain=$(limit 3 nft list chain $table "$chain")
        # shellcheck disable=SC2086
        own=$(limit 3 nft list chain $table rabbitup)
        IFS=$nl
        case $of_chain in *'hook input '*) ;; *) continue ;; esac
        echo "chain=$table $chain"
        printf '%s\n' "$of_chain" | sed -n -e 's/.*hook input .*policy \([a-z]*\);.*/policy=\1/p' -e t -e '/^		/s/^		*/rule=/p'
        printf '%s\n' "$own" | sed -n 's/^		*\(.* accept\)$/ours=\1/p'
        ;;
    esac
  done <<EOF
$chains
EOF
}
