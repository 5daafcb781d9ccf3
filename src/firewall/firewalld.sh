# shellcheck shell=sh disable=SC2154
# $state is the directory of the trial (operation/firewall.sh).

firewalld_policy=/etc/firewalld/policies/rabbitup.xml

# A reload drops what was set for the running firewall only, and that may be the port of this very connection.
firewalld_may_change() {
  bounded 30 firewall-cmd --list-all-zones | zone_settings >"$state/running" || fail "firewalld does not answer" "its log on the host: journalctl -u firewalld"
  bounded 30 firewall-cmd --permanent --list-all-zones | zone_settings >"$state/saved"
  cmp -s "$state/running" "$state/saved" || {
    diff "$state/saved" "$state/running" || :
    fail "firewalld has settings that are not saved (the lines above), which opening ports would drop" \
      "keep them (firewall-cmd --runtime-to-permanent) or drop them (firewall-cmd --reload), then run the same command again"
  }
}

# Without what differs by nature: which zones are in use, and by which interfaces.
zone_settings() { sed -e 's/ ([a-z, ]*)$//' -e '/^  interfaces:/d'; }

firewalld_way_back() {
  if [ -e "$firewalld_policy" ]; then
    cp -p "$firewalld_policy" "$state/policy"
    echo "cp -p $state/policy $firewalld_policy"
  else
    echo "rm -f $firewalld_policy"
  fi
  echo "timeout -k 10 60 firewall-cmd --reload"
}

firewalld_open() { # POLICY
  enter_workshop "$firewalld_policy"
  sum=$(printf %s "$1" | md5sum)
  make_new "$firewalld_policy" 0644 root root "${sum%% *}" "$1"
  place new "$firewalld_policy" plain
  leave_workshop
  bounded 30 firewall-cmd --check-config || fail "firewalld refuses its configuration (the lines above)" "the file that was written: $firewalld_policy"
  bounded 60 firewall-cmd --reload || fail "firewalld did not reload (the lines above)" "its log on the host: journalctl -u firewalld"
  case " $(bounded 30 firewall-cmd --get-policies) " in
    *' rabbitup '*) ;;
    *) fail "this firewalld has no policies" "firewalld 0.9 or later is needed" ;;
  esac
}
