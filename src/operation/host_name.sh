# shellcheck shell=sh

# hostnamectl changes the kernel's name and /etc/hostname in one go, and tells whoever listens on D-Bus. Where
# hostnamed cannot be reached (no D-Bus yet), the two are set directly: the file first, so that a name which the next boot
# would not have is not set at all.
set_host_name() { # NAME
  may_be_placed /etc/hostname
  if ! bounded 20 hostnamectl set-hostname "$1" 2>/dev/null; then
    enter_workshop /etc/hostname
    printf '%s\n' "$1" >new || not_written /etc/hostname
    chmod 644 new
    place new /etc/hostname plain
    leave_workshop
    hostname "$1"
  fi
  [ "$(hostname)" = "$1" ] || fail "the host still calls itself $(hostname)"
  read -r persistent </etc/hostname
  [ "$persistent" = "$1" ] || not_written /etc/hostname "/etc/hostname still says $persistent"
}
