# shellcheck shell=sh

# hostnamectl changes the kernel's name and /etc/hostname in one go, and tells whoever listens on D-Bus. Where
# hostnamed cannot be reached (no D-Bus yet), the two are set directly.
set_host_name() { # NAME
  if ! bounded 20 hostnamectl set-hostname "$1" 2>/dev/null; then
    printf '%s\n' "$1" >/etc/hostname
    chmod 644 /etc/hostname
    hostname "$1"
  fi
  [ "$(hostname)" = "$1" ] || fail "the host still calls itself $(hostname)"
  read -r persistent </etc/hostname
  [ "$persistent" = "$1" ] || fail "/etc/hostname still says $persistent"
}

start_unit() { # UNIT
  systemctl -q is-enabled "$1" 2>/dev/null || bounded 60 systemctl enable "$1"
  bounded 90 systemctl start "$1" || unit_failed "$1"
}

restart_unit() { # UNIT
  bounded 90 systemctl restart "$1" || unit_failed "$1"
}

reload_unit() { # UNIT
  bounded 60 systemctl reload "$1" || unit_failed "$1"
}

stop_unit() { # UNIT
  bounded 90 systemctl disable --now "$1"
}

# The unit's last words are the cause far more often than systemctl's "see journalctl".
unit_failed() { # UNIT
  bounded 10 journalctl -u "$1" -n 15 --no-pager -o cat 2>/dev/null || :
  fail "$1 did not start" "its log on the host: journalctl -u $1"
}
