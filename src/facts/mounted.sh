# shellcheck shell=sh

# Whether it is a mount point. A space in a path is written as \040, as in /etc/fstab.
mounted() { # PATH
  while IFS=' ' read -r _ _ _ _ point _; do
    [ "$point" != "$1" ] || return 0
  done </proc/self/mountinfo
  return 1
}
