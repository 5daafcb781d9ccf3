# shellcheck shell=sh

# A file is written in a workshop: a directory that only root can enter, beside the final file. User rabbitmq owns
# /etc/rabbitmq and its home: it can create a link wherever root is about to chown a file there, at any time. It cannot enter
# the workshop. The shell's working directory is the workshop all the time, so that names cannot be redirected: `../NAME` is beside it,
# whatever links are swapped.
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
  # The new directory is the current one, private to root (2700 below a setgid directory), and empty. A link that took its
  # place could point to another directory of root.
  [ "$(stat -c %d:%i ..)" = "$beside" ] || workshop_was_swapped "$1"
  case $(stat -c '%u %a' .) in '0 700' | '0 2700') ;; *) workshop_was_swapped "$1" ;; esac
  [ -z "$(ls -A .)" ] || workshop_was_swapped "$1"
}

workshop_was_swapped() { # PATH
  cd / && trap - EXIT
  fail "another user changes ${1%/*} while $1 is written" "check who may write there: ls -ld ${1%/*}"
}

# Only from within it.
leave_workshop() {
  trap - EXIT
  if cd -P ..; then timeout -k 10 60 rm -rf --one-file-system "./$workshop" "./$workshop.conf" || :; fi
  cd /
}

# Whether only root can change the contents of the current directory.
is_roots_alone() {
  case $(stat -c '%u %A' .) in '0 d'????-??-*) return 0 ;; *) return 1 ;; esac
}

# Changes to a directory, and creates it if only root could have done so. Links created by root are followed (/etc/rabbitmq may be
# on another disk), links in a directory where others may write are not.
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
      # Checks the current state; the comparison below detects a later swap.
      [ ! -L "./$next" ] || fail "$1 is a symbolic link, or passes through one ($next), in a directory where not only root may write" \
        "remove the link $next, then run the same command again"
      cd -P "./$next" || not_written "$2"
      [ "$(stat -c %d:%i ..)" = "$above" ] || fail "another user changes $1 while $2 is written" "check who may write there: ls -ld $1"
    fi
  done
  alone=no
  ! is_roots_alone || alone=yes
}

# Refuses to overwrite anything but a regular file. A link is never followed and never replaced: its creator manages the target
# itself.
may_be_placed() { # PATH
  enter_directory "${1%/*}" "$1"
  name=${1##*/}
  may_change "$1"
  cd /
}

# The same for the file $name in the current directory.
may_change() { # PATH
  if [ -L "./$name" ]; then
    fail "$1 is a symbolic link, to $(readlink "./$name")" \
      "replace the link with a regular file, or make the inventory leave $1 alone; then run the same command again"
  fi
  case $(stat -c %F "./$name" 2>/dev/null) in
    '' | 'regular file' | 'regular empty file') ;;
    directory) fail "$1 is a directory, but should be a file" "move it away, then run the same command again" ;;
    *) fail "$1 is not a regular file but a device, a socket or a named pipe" "move it away, then run the same command again" ;;
  esac
  case $(attributes_of .) in
    *i*) fail "$1 could not be written: ${1%/*} is immutable (attribute i)" "it was set on purpose; to allow changes: chattr -i ${1%/*}" ;;
    # A file created in such a directory could neither be renamed nor removed.
    *a*) fail "$1 could not be written: ${1%/*} is append-only (attribute a)" "it was set on purpose; to allow changes: chattr -a ${1%/*}" ;;
  esac
  case $(attributes_of "./$name") in
    *i*) fail "$1 could not be written: $1 is immutable (attribute i)" "it was set on purpose; to allow changes: chattr -i $1" ;;
    *a*) fail "$1 could not be written: $1 is append-only (attribute a)" "it was set on purpose; to allow changes: chattr -a $1" ;;
  esac
}

# lsattr opens the file, so if the file may have been swapped, it runs as user rabbitmq.
attributes_of() { # FILE
  if [ "$1" = . ] || [ "$alone" = yes ]; then
    flags=$(lsattr -d "$1" 2>/dev/null) || flags=
  else
    flags=$(as_rabbitmq 5 lsattr -d "$1" 2>/dev/null) || flags=
  fi
  printf '%s\n' "${flags%% *}"
}

# Removes what an interrupted run left in the current directory; only one run is active at a time. By mktemp's pattern, not by names
# that were read: the directory's owner may choose any name, or fill the directory.
sweep() {
  timeout -k 10 60 rm -rf --one-file-system ./.rabbitup.????????* || :
}

remove_leftovers() { # DIRECTORY...
  for directory in "$@"; do
    enter_directory "$directory" "$directory"
    sweep
    set -- ./.rabbitup.????????*
    if [ -e "$1" ] || [ -L "$1" ]; then
      fail "removing the files of an interrupted run from $directory timed out after 60 s" "check the directory: ls -la $directory"
    fi
    cd /
  done
}

# Writes CONTENT to the file `new` of the workshop, with its mode and owner. An access control list of the file that it
# replaces is kept, limited by the mode.
make_new() { # PATH MODE OWNER GROUP MD5 CONTENT
  (umask 077 && printf %s "$6" >new) || not_written "$1"
  written=$(md5sum <new)
  [ "${written%% *}" = "$5" ] || not_written "$1" "the content of $1 was damaged in transfer"
  take_old "$1"
  [ ! -e old ] || cp --attributes-only --preserve=mode old new || not_written "$1"
  chown "$3:$4" new || not_written "$1"
  chmod "$2" new || not_written "$1"
}

# Gives the replaced file a second name, `old` in the workshop: it is the same file, needs no space, cannot be half
# a copy, and cannot be swapped there. A link that was swapped in is still a link there. A file with more names than these
# two may be any file of the file system: it is neither kept nor made private if others may create such names.
take_old() { # PATH
  [ -e "../$name" ] || [ -L "../$name" ] || return 0
  ln -P -T "../$name" old || not_written "$1"
  case $(stat -c '%F:%h' old) in
    'regular file:2' | 'regular empty file:2') return 0 ;;
    'regular '*) [ "$alone" = no ] || return 0 ;;
  esac
  rm -f old
  fail "$1 is not a regular file with one name: it has a hard link elsewhere, or another user changes it while it is written" \
    "check it and who may write there (ls -la ${1%/*}), replace it with a regular file, then run the same command again"
}

# One rename: no process reads half a file. With a backup the old file stays beside it, with the time in its
# name; if the rename fails nothing has changed, and there is no backup either.
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
  # It has the label of its directory; some files have one of their own (/etc/hosts). Where others may write, another file could be
  # in its place by now.
  if [ "$alone" = yes ] && command -v restorecon >/dev/null; then bounded 20 restorecon "$2" || :; fi
  # If the new file is private, its secrets are in the old one, too.
  if [ -n "$backup" ]; then
    case $closed in *0) chmod o-rwx old ;; esac
  fi
  [ "$3" != backup ] || prune_backups
}

# Keeps the three newest backups; a nightly run must not fill /etc.
prune_backups() {
  set -- "../$name".rabbitup-*
  while [ $# -gt 3 ]; do
    rm -f "$1" || :
    shift
  done
}

# Finds the reason why a file could not be written, and fails with it.
not_written() { # PATH [WHAT]
  what=${2:-$1 could not be written}
  around=${1%/*}
  while [ -n "$around" ] && [ ! -d "$around" ]; do around=${around%/*}; done
  around=${around:-/}
  kept='what was there before is unchanged'
  if timeout 5 findmnt -n -M "$1" >/dev/null 2>&1; then
    fail "$what: it is a mount point and cannot be replaced; $kept" \
      "change it at its source (findmnt -M $1), or unmount it"
  fi
  mount=$(timeout 5 findmnt -n -o TARGET,OPTIONS -T "$around" 2>/dev/null) || mount=
  case ,${mount##* }, in
    *,ro,*) fail "$what: the file system at ${mount%% *} is read-only, $kept" \
      "the kernel log may show why (journalctl -k); if it should be writable: mount -o remount,rw ${mount%% *}" ;;
  esac
  # shellcheck disable=SC2046 # three numbers
  set -- "$1" $(timeout 5 stat -f -c '%f %d %c' "$around" 2>/dev/null || echo 9999 1 0)
  if [ "$2" -lt 16 ]; then
    fail "$what: the file system of $around is full, $kept" "make room: df -h $around"
  fi
  if [ "$4" -gt 0 ] && [ "$3" -lt 3 ]; then
    fail "$what: the file system of $around has no free inodes, $kept" "remove unneeded files: df -i $around"
  fi
  if [ "$(cat /sys/fs/selinux/enforce 2>/dev/null)" = 1 ]; then
    fail "$what: the system refuses it (see the lines above), $kept" "SELinux is enforcing; its denials: ausearch -m avc -ts recent"
  fi
  fail "$what: the system's error is in the lines above; $kept" \
    "check who may write there (ls -ld $around), and whether a security module denies it (journalctl -k)"
}
