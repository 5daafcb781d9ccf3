# shellcheck shell=sh

# hostnamectl changes the kernel's name and /etc/hostname together, and notifies listeners on D-Bus. If
# hostnamed cannot be reached (no D-Bus yet), both are set directly: the file first, so that a name that the next boot
# would not have is never set.
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
  [ "$(hostname)" = "$1" ] || fail "the host name is still $(hostname)"
  read -r persistent </etc/hostname
  [ "$persistent" = "$1" ] || not_written /etc/hostname "/etc/hostname still says $persistent"
}
