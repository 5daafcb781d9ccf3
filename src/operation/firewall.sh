# shellcheck shell=sh
# How a firewall is asked and changed is in the file of its software: SOFTWARE_may_change fails where a change would do more
# than open ports, SOFTWARE_way_back prints a script that undoes one, SOFTWARE_open INSTRUCTIONS makes it. They find the
# directory of the trial in $state.

# Rules are only added, so nobody should be cut off. If the host accepts no login afterwards, the change cannot be undone from
# here. So the host undoes it, unless the next step arrives, which is sent only after a new login.
open_ports() { # SOFTWARE SECONDS INSTRUCTIONS
  state=/run/rabbitup-firewall-$1
  prepare_way_back "$1"
  arm "$1" "$2"
  "${1}_open" "$3"
}

# A way back that an interrupted run left leads to the state before that run, so it stays as it is.
prepare_way_back() { # SOFTWARE
  if [ ! -e "$state/back" ]; then
    rm -rf "$state"
    mkdir -m 700 "$state" || fail "$state cannot be created, so nothing was done" "check whether /run is full: df /run"
  fi
  "${1}_may_change"
  [ ! -e "$state/back" ] || return 0
  # Whoever renames the script first decides.
  {
    printf 'mv %s/back %s/reverting || exit 0\n' "$state" "$state"
    "${1}_way_back"
    printf 'rm -rf %s\n' "$state"
  } >"$state/new"
  mv "$state/new" "$state/back"
}

arm() { # SOFTWARE SECONDS
  timer=rabbitup-firewall-$1
  bounded 20 systemctl stop "$timer.timer" 2>/dev/null || :
  bounded 20 systemctl reset-failed "$timer.timer" "$timer.service" 2>/dev/null || :
  bounded 20 systemd-run --quiet --collect --unit="$timer" --on-active="$2" --timer-property=AccuracySec=1s \
    /bin/sh "$state/back" || fail "the timer that would revert the change cannot be started, so nothing was changed"
}

keep_openings() { # SOFTWARE
  state=/run/rabbitup-firewall-$1
  mv "$state/back" "$state/kept" 2>/dev/null ||
    fail "the host has reverted the change: the confirmation took too long" "run the same command again"
  bounded 20 systemctl stop "rabbitup-firewall-$1.timer" || :
  rm -rf "$state"
}
