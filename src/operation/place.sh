# shellcheck shell=sh

# A file is written from a workshop: a directory that only root can enter, beside the file that is to be. User rabbitmq owns
# /etc/rabbitmq and its home: it can put a link wherever root is about to chown a file there, at any moment. Into the workshop
# it cannot look. The shell stands in it from the first to the last, so that no name leads elsewhere: `../NAME` is beside it
# wherever links lead by then.
enter_workshop() { # PATH
  name=${1##*/}
  enter_directory "${1%/*}" "$1"
  may_change "$1"
  sweep
  workshop=$(mktemp -d ./.rabbitup.XXXXXXXX) || not_written "$1"
  workshop=${workshop#./}
  trap leave_workshop EXIT
  beside=$(stat -c %d:%i .)
  cd -P "./$workshop" || not_written "$1"
  # What was just made is here, root's alone (2700 below a directory that hands its group on), and empty. A link that took its
  # place may lead to another directory of root's.
  [ "$(stat -c %d:%i ..)" = "$beside" ] || workshop_was_swapped "$1"
  case $(stat -c '%u %a' .) in '0 700' | '0 2700') ;; *) workshop_was_swapped "$1" ;; esac
  [ -z "$(ls -A .)" ] || workshop_was_swapped "$1"
}

workshop_was_swapped() { # PATH
  cd / && trap - EXIT
  fail "somebody else changes ${1%/*} while $1 is written" "see who may write there: ls -ld ${1%/*}"
}

# Only ever from within it.
leave_workshop() {
  trap - EXIT
  if cd -P ..; then timeout -k 10 60 rm -rf --one-file-system "./$workshop" "./$workshop.conf" || :; fi
  cd /
}

# Whether nobody but root can change what is in the directory where the shell stands.
is_roots_alone() {
  case $(stat -c '%u %A' .) in '0 d'????-??-*) return 0 ;; *) return 1 ;; esac
}

# Stands in a directory, which is made where root alone could do so. Links that root made are followed (/etc/rabbitmq may lie
# on another disk), those in a directory where somebody else may write are not.
enter_directory() { # DIRECTORY PATH
  cd / || not_written "$2"
  rest=${1#/}/
  while [ -n "$rest" ]; do
    next=${rest%%/*} rest=${rest#*/}
    [ -n "$next" ] || continue
    if is_roots_alone; then
      [ -d "./$next" ] || mkdir "./$next" || not_written "$2"
      cd -P "./$next" || not_written "$2"
    else
      above=$(stat -c %d:%i .)
      # Said for what is there now; what is swapped in behind it is met by the comparison.
      [ ! -L "./$next" ] || fail "$1 is a symbolic link, or leads through one ($next), in a directory where not only root may write" \
        "remove the link $next, then run the same command again"
      cd -P "./$next" || not_written "$2"
      [ "$(stat -c %d:%i ..)" = "$above" ] || fail "somebody else changes $1 while $2 is written" "see who may write there: ls -ld $1"
    fi
  done
  alone=no
  ! is_roots_alone || alone=yes
}

# Refuses what must not give way to a file. A link is never followed and never replaced: whoever made it manages what it leads
# to.
may_be_placed() { # PATH
  enter_directory "${1%/*}" "$1"
  name=${1##*/}
  may_change "$1"
  cd /
}

# The same for the file $name of the directory where the shell stands.
may_change() { # PATH
  if [ -L "./$name" ]; then
    fail "$1 is a symbolic link, to $(readlink "./$name")" \
      "replace the link with a regular file, or make the inventory leave $1 alone; then run the same command again"
  fi
  case $(stat -c %F "./$name" 2>/dev/null) in
    '' | 'regular file' | 'regular empty file') ;;
    directory) fail "$1 is a directory, and a file is to be there" "move it away, then run the same command again" ;;
    *) fail "$1 is not a regular file but a device, a socket or a named pipe" "move it away, then run the same command again" ;;
  esac
  case $(attributes_of .) in
    *i*) fail "$1 could not be written: ${1%/*} is immutable (attribute i)" "somebody wanted it to stay; if it may change: chattr -i ${1%/*}" ;;
    # A file made in such a directory could neither be renamed nor removed.
    *a*) fail "$1 could not be written: ${1%/*} is append-only (attribute a)" "somebody wanted it to stay; if it may change: chattr -a ${1%/*}" ;;
  esac
  case $(attributes_of "./$name") in
    *i*) fail "$1 could not be written: $1 is immutable (attribute i)" "somebody wanted it to stay; if it may change: chattr -i $1" ;;
    *a*) fail "$1 could not be written: $1 is append-only (attribute a)" "somebody wanted it to stay; if it may change: chattr -a $1" ;;
  esac
}

# lsattr opens the file, so where it may have been swapped that is done as user rabbitmq.
attributes_of() { # FILE
  if [ "$1" = . ] || [ "$alone" = yes ]; then
    flags=$(lsattr -d "$1" 2>/dev/null) || flags=
  else
    flags=$(as_rabbitmq 5 lsattr -d "$1" 2>/dev/null) || flags=
  fi
  printf '%s\n' "${flags%% *}"
}

# What a run that was cut off left where the shell stands; only one runs at a time. By mktemp's pattern, not by names that were
# found: whose directory it is might name a file as he likes, or fill it.
sweep() {
  timeout -k 10 60 rm -rf --one-file-system ./.rabbitup.????????* || :
}

remove_leftovers() { # DIRECTORY...
  for directory in "$@"; do
    enter_directory "$directory" "$directory"
    sweep
    set -- ./.rabbitup.????????*
    if [ -e "$1" ] || [ -L "$1" ]; then
      fail "what an interrupted run left in $directory could not be removed within 60 s" "see what is there: ls -la $directory"
    fi
    cd /
  done
}

# Writes CONTENT to the file `new` of the workshop, with its mode and owner. An access control list of the file that it
# replaces stays, within what the mode allows.
make_new() { # PATH MODE OWNER GROUP MD5 CONTENT
  (umask 077 && printf %s "$6" >new) || not_written "$1"
  written=$(md5sum <new)
  [ "${written%% *}" = "$5" ] || not_written "$1" "what arrived for $1 is not what was sent"
  take_old "$1"
  [ ! -e old ] || cp --attributes-only --preserve=mode old new || not_written "$1"
  chown "$3:$4" new || not_written "$1"
  chmod "$2" new || not_written "$1"
}

# Gives the file that is replaced a second name, `old` in the workshop: it is the very same file, takes no room, cannot be half
# a copy, and nobody can exchange it there. A link that was swapped in is a link there, too. One that has more names than these
# two may be any file of the file system: it is neither kept nor closed to others where not only root may make such names.
take_old() { # PATH
  [ -e "../$name" ] || [ -L "../$name" ] || return 0
  ln -P -T "../$name" old || not_written "$1"
  case $(stat -c '%F:%h' old) in
    'regular file:2' | 'regular empty file:2') return 0 ;;
    'regular '*) [ "$alone" = no ] || return 0 ;;
  esac
  rm -f old
  fail "$1 is not a regular file with one name: it has a hard link elsewhere, or somebody else changes it while it is written" \
    "see what it is and who may write there (ls -la ${1%/*}), replace it with a regular file, then run the same command again"
}

# One rename: nobody ever reads half a file. With a backup what was there before stays beside it, with the time in its
# name; where the rename fails nothing has changed, and no backup is left either.
place() { # NEW PATH backup|plain
  backup=
  if [ "$3" = backup ]; then
    [ -e old ] || take_old "$2"
    if [ -e old ]; then
      backup=$name.rabbitup-$(date -u +%Y%m%dT%H%M%SZ)
      if [ -e "../$backup" ]; then backup=; else ln -T old "../$backup" || not_written "$2"; fi
    fi
  fi
  closed=$(stat -c %a "$1")
  if ! mv -f -T "$1" "../$name"; then
    [ -z "$backup" ] || rm -f "../$backup" || :
    not_written "$2"
  fi
  # What the new file keeps from others stood in the old one, too.
  if [ -n "$backup" ]; then
    case $closed in *0) chmod o-rwx old ;; esac
  fi
  [ "$3" != backup ] || prune_backups
}

# The three newest backups stay; a nightly run must not fill /etc.
prune_backups() {
  set -- "../$name".rabbitup-*
  while [ $# -gt 3 ]; do
    rm -f "$1" || :
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
  if timeout 5 findmnt -n -M "$1" >/dev/null 2>&1; then
    fail "$what: it is a mount of its own, and no file can be put in its place; $kept" \
      "change it where it comes from (findmnt -M $1), or unmount it"
  fi
  mount=$(timeout 5 findmnt -n -o TARGET,OPTIONS -T "$around" 2>/dev/null) || mount=
  case ,${mount##* }, in
    *,ro,*) fail "$what: the file system at ${mount%% *} is read-only, $kept" \
      "the kernel's log may say why (journalctl -k); mount -o remount,rw ${mount%% *}, if it is meant to be writable" ;;
  esac
  # shellcheck disable=SC2046 # three numbers
  set -- "$1" $(timeout 5 stat -f -c '%f %d %c' "$around" 2>/dev/null || echo 9999 1 0)
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
