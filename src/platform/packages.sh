# shellcheck shell=sh disable=SC2154 # clock: of prelude.sh; package_locks: the family's
# What is common to all package managers. A family's file provides `broker_package` (the version of rabbitmq-server on this host,
# even if only partly installed), `is_at_least VERSION VERSION`, and for what it runs `is_locked EXIT-CODE` and $package_locks.

holds_data() {
  read_environment
  # shellcheck disable=SC2154 # read_environment sets them
  for directory in "$data_base"/*@*/ /var/lib/rabbitmq/mnesia/*@*/ ${data_dir:+"$data_dir"/}; do
    case $directory in *-plugins-expand/) ;; *) [ ! -d "$directory" ] || return 0 ;; esac
  done
  return 1
}

# The plan decided, from what it observed, whether another version may be installed over the data. This checks that it still
# holds: packages may have been installed or nodes started since, and a repository may offer other versions.
is_as_planned() { # -|no-data|data=[VERSION] [PACKAGE=VERSION]...
  over=$1
  shift
  there=$(broker_package)
  case $over in
    -) return 0 ;;
    no-data)
      ! holds_data || fail "this host has a broker's data that it did not have when the plan was made, so the package was not changed" \
        "run the same command again: it checks again"
      ;;
    *)
      planned=${over#data=}
      [ "$there" = "$planned" ] ||
        fail "the plan was made for rabbitmq-server ${planned:-(not installed)}, but ${there:-none} is installed now, so the package was not changed" \
          "run the same command again: it checks again"
      for choice in "$@"; do
        case $choice in
          rabbitmq-server=*)
            [ -z "$there" ] || is_at_least "${choice#*=}" "$there" ||
              fail "rabbitmq-server $there cannot be downgraded to ${choice#*=} over its data, so it was not changed" "request a newer version"
            ;;
          rabbitmq-server)
            fail "the plan names no version of rabbitmq-server for this data, so the package was not changed" "run the same command again: it checks again"
            ;;
        esac
      done
      ;;
  esac
}

# Whether a broker is installed and older than VERSION; its version is then in $version.
broker_is_older_than() { # VERSION
  version=$(broker_package)
  [ -n "$version" ] && ! is_at_least "$version" "$1"
}

# Runs the package manager's command again as long as another process locks it out. Nothing of ours runs while it waits, so no
# lock is held meanwhile. The exit code is in $ended. All waits of a step together last $lock_patience seconds, by the host's uptime.
in_turn() { # COMMAND...
  while :; do
    ended=0
    "$@" || ended=$?
    if [ "$ended" = 0 ] || ! is_locked "$ended" || ! waited_for_holder; then return "$ended"; fi
  done
}

# Waits until nobody is seen to hold one of the locks, and says who does; fails when the patience is exhausted. A holder that cannot
# be seen, in another container or over NFS, shows only in the next attempt; so does one whose lock only looks like ours.
waited_for_holder() {
  read_clock
  wait_from=$clock retry_at=$((clock + 3000))
  find_holder || retry_at=$((clock + 300))
  if [ "$holder" != "${last_holder:-}" ]; then printf '%s; waiting\n' "$holder"; fi
  last_holder=$holder
  while :; do
    sleep 1
    read_clock
    waited=$((${lock_waited:-0} + clock - wait_from))
    # shellcheck disable=SC2154 # platform/mod.rs sets lock_patience in front of this file
    [ "$waited" -lt $((lock_patience * 100)) ] || break
    if [ "$clock" -lt "$retry_at" ] && { [ "$seen" = no ] || find_holder; }; then continue; fi
    lock_waited=$waited
    return 0
  done
  lock_waited=$waited
  return 1
}

# The process that holds one of the locks, in $holder as `apt-get update (process 812) holds the package lists`. Fails where none is
# seen. A lock is a file that a process has locked (/proc/locks names it by its inode), or one that contains the number of the
# process, which is left behind where that was killed.
find_holder() {
  holder='another process holds the package manager'\''s lock' seen=no
  while IFS=' ' read -r way file what; do
    number=
    case $way in
      locked)
        inode=$(stat -L -c %i "$file" 2>/dev/null) || continue
        # A line with an arrow is of a process that waits for it.
        number=$(sed -n "/ -> /d; s/^[0-9]*: [A-Z]* *[A-Z]* *[A-Z]* *\([0-9]*\) [^ ]*:$inode .*/\1/p" /proc/locks 2>/dev/null | head -n 1)
        ;;
      numbered) read -r number 2>/dev/null <"$file" || : ;;
    esac
    case $number in '' | *[!0-9]*) continue ;; esac
    if [ ! -d "/proc/$number" ]; then continue; fi
    command=$(tr '\0\n' '  ' <"/proc/$number/cmdline" 2>/dev/null | cut -c 1-80 | sed 's/ *$//') || :
    holder="${command:-a process} (process $number) holds $what" seen=yes
    return 0
  done <<LOCKS
$package_locks
LOCKS
  return 1
}

# Fails if the last command was locked out until the patience was exhausted, and names who holds the lock.
blame_holder() { # WHAT-WAS-NOT-DONE
  is_locked "$ended" || return 0
  find_holder || :
  fail "$holder: waited $((${lock_waited:-0} / 6000)) min for it, $1" "let it finish, then run the same command again"
}

# Fails if the last command failed because of the host's clock: lists and signatures have dates, certificates too (apt, gpgv, sqv;
# gnutls and OpenSSL below apt and dnf).
blame_clock() { # WHAT-FAILED
  shows="the host's clock says $(date -u '+%Y-%m-%d %H:%M') UTC"
  case $said in
    *'is not valid yet (invalid for another '*)
      off=$(printf '%s\n' "$said" | sed -n 's/.*is not valid yet (invalid for another \([^)]*\)).*/\1/p' | head -n 1)
      fail "$1: the repository's lists are from $off in the future; $shows, so it is behind" "$set_clock"
      ;;
    *'not yet valid certificate'* | *'certificate is not yet valid'* | *'not yet activated'* | *'Not live until '* | *' in the future (time warp or clock problem)'*)
      fail "$1: a certificate or signature of the repository is not valid yet; $shows, so it is behind" "$set_clock"
      ;;
    *'is expired (invalid since '*)
      off=$(printf '%s\n' "$said" | sed -n 's/.*is expired (invalid since \([^)]*\)).*/\1/p' | head -n 1)
      fail "$1: the repository's lists expired $off ago; $shows" "$set_clock; if the clock is right, the mirror is not updated any more: use another one"
      ;;
    *'expired certificate'* | *'certificate has expired'*)
      fail "$1: a certificate of the repository has expired; $shows" "$set_clock; if the clock is right, the repository's certificate is out of date"
      ;;
  esac
}
set_clock='set the clock of the host (date -s), or let a time service do it (systemctl restart chrony or systemd-timesyncd), then run the same command again'

# apt drops the hold of what it changes, and dnf's locks name the version that was there before. So an installation sets the holds
# that it found again, at the versions that are installed now, however it ends.
note_holds() {
  holds=$(held_packages)
}

restore_holds() {
  # shellcheck disable=SC2086 # a list of package names
  if [ -z "${holds:-}" ] || are_held $holds; then return 0; fi
  # shellcheck disable=SC2086 # likewise
  hold_packages hold $holds
}
