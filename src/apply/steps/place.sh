# shellcheck shell=sh

# Refuses what must not give way to a file. A link is never followed and never replaced: whoever made it looks after what
# it leads to.
may_be_placed() { # PATH
  if [ -L "$1" ]; then
    fail "$1 is a symbolic link, to $(readlink "$1")" \
      "replace the link by a plain file, or make the inventory leave $1 alone; then run the same command again"
  fi
  [ ! -d "$1" ] || fail "$1 is a directory, and a file is to be there" "move it away, then run the same command again"
  [ ! -e "$1" ] || [ -f "$1" ] ||
    fail "$1 is no plain file but a device, a socket or a named pipe" "move it away, then run the same command again"
  for keeps in "$1" "${1%/*}"; do
    flags=$(lsattr -d "$keeps" 2>/dev/null) || flags=
    case ${flags%% *} in
      *i*) fail "$1 could not be written: $keeps is immutable (attribute i)" "somebody wanted it to stay; if it may change: chattr -i $keeps" ;;
      # A file made in such a directory could neither be renamed nor removed.
      *a*) fail "$1 could not be written: $keeps is append-only (attribute a)" "somebody wanted it to stay; if it may change: chattr -a $keeps" ;;
    esac
  done
}

# A directory of root's own, beside the file that is to be. User rabbitmq owns /etc/rabbitmq and its home: it can put a
# link wherever root is about to chown a file there. Into this directory it cannot look, and from here on the shell stands
# in it, so that no name leads elsewhere. What a run that was cut off left behind goes; only one runs at a time.
enter_workshop() { # PATH
  beside=${1%/*}
  [ -d "$beside" ] || mkdir -p "$beside" || not_written "$1"
  remove_leftovers "$beside"
  workshop=$(mktemp -d "$beside/.rabbitup.XXXXXXXX") || not_written "$1"
  trap 'cd / && rm -rf "$workshop" "$workshop.conf"' EXIT
  cd -P "$workshop" || not_written "$1"
  # 2700 below a directory that hands its group on.
  case $(stat -c '%u %a' .) in
    '0 700' | '0 2700') ;;
    *) fail "somebody else changes $beside while $1 is written" "see who may write there: ls -ld $beside" ;;
  esac
}

# By mktemp's pattern, not by names that were found: whose directory it is might name a file as he likes.
remove_leftovers() { # DIRECTORY...
  for directory in "$@"; do
    rm -rf "$directory"/.rabbitup.????????*
  done
}

# Writes CONTENT to the file `new` of the workshop, with its mode and owner. An access control list of the file that it
# replaces stays, within what the mode allows.
make_new() { # PATH MODE OWNER GROUP MD5 CONTENT
  (umask 077 && printf %s "$6" >new) || not_written "$1"
  written=$(md5sum <new)
  [ "${written%% *}" = "$5" ] || not_written "$1" "what arrived for $1 is not what was sent"
  [ ! -f "$1" ] || [ -L "$1" ] || cp --attributes-only --preserve=mode "$1" new || not_written "$1"
  chown "$3:$4" new || not_written "$1"
  chmod "$2" new || not_written "$1"
}

# One rename: nobody ever reads half a file. With a backup what was there before stays beside it, with the time in its
# name; where the rename fails nothing has changed, and no backup is left either.
place() { # NEW PATH backup|plain
  backup=
  if [ "$3" = backup ] && [ -e "$2" ]; then
    backup=$2.rabbitup-$(date -u +%Y%m%dT%H%M%SZ)
    # The very same file: it takes no room, and cannot be half a copy.
    if [ -e "$backup" ]; then backup=; else { ln -T "$2" old && ln -T old "$backup"; } || not_written "$2"; fi
  fi
  if ! mv -f -T "$1" "$2"; then
    [ -z "$backup" ] || rm -f "$backup" || :
    not_written "$2"
  fi
  # What the new file keeps from others stood in the old one, too. By its name in here, which nobody can exchange.
  if [ -n "$backup" ]; then
    case $(stat -c %a "$2") in *0) chmod o-rwx old ;; esac
  fi
  [ "$3" != backup ] || prune_backups "$2"
}

# The three newest backups stay; a nightly run must not fill /etc.
prune_backups() { # PATH
  set -- "$1".rabbitup-*
  while [ $# -gt 3 ]; do
    rm -f "$1"
    shift
  done
}

# Looks for the reason why a file could not be put in place, and stops with it.
not_written() { # PATH [WHAT]
  what=${2:-$1 could not be written}
  around=${1%/*}
  while [ -n "$around" ] && [ ! -d "$around" ]; do around=${around%/*}; done
  around=${around:-/}
  kept='what was there before is unchanged'
  if findmnt -n -M "$1" >/dev/null 2>&1; then
    fail "$what: it is a mount of its own, and no file can be put in its place; $kept" \
      "change it where it comes from (findmnt -M $1), or unmount it"
  fi
  mount=$(findmnt -n -o TARGET,OPTIONS -T "$around" 2>/dev/null) || mount=
  case ,${mount##* }, in
    *,ro,*) fail "$what: the file system at ${mount%% *} is read-only, $kept" \
      "the kernel's log may say why (journalctl -k); mount -o remount,rw ${mount%% *}, if it is meant to be writable" ;;
  esac
  # shellcheck disable=SC2046 # three numbers
  set -- "$1" $(stat -f -c '%f %d %c' "$around" 2>/dev/null || echo 9999 1 0)
  if [ "$2" -lt 16 ]; then
    fail "$what: the file system of $around is full, $kept" "make room: df -h $around"
  fi
  if [ "$4" -gt 0 ] && [ "$3" -lt 3 ]; then
    fail "$what: the file system of $around has no inode left, $kept" "remove files that nobody needs: df -i $around"
  fi
  if [ "$(cat /sys/fs/selinux/enforce 2>/dev/null)" = 1 ]; then
    fail "$what: the system refuses it (the lines above), $kept" "SELinux is enforcing; its refusals: ausearch -m avc -ts recent"
  fi
  fail "$what: the lines above are the system's own words; $kept" \
    "see who may write there (ls -ld $around), and whether a security module forbids it (journalctl -k)"
}
