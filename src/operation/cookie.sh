# shellcheck shell=sh

# The cookie arrives in this text over standard input and printf is a builtin: it is never in a process list.
# Mode 0400, owned by rabbitmq, or Erlang refuses it (auth.erl: no bit for group or others).
put_cookie() { # DIRECTORY MD5 COOKIE
  getent passwd rabbitmq >/dev/null ||
    fail "there is no user rabbitmq on this host" "the package rabbitmq-server creates it: was the package step left out?"
  path=$1/.erlang.cookie
  enter_workshop "$path"
  (umask 077 && printf %s "$3" >new) || not_written "$path"
  written=$(md5sum <new)
  [ "${written%% *}" = "$2" ] || not_written "$path" "the cookie was damaged in transfer"
  chown rabbitmq:rabbitmq new || not_written "$path"
  chmod 0400 new || not_written "$path"
  place new "$path" plain
  leave_workshop
}

install_cookie() { # MD5 COOKIE
  put_cookie /var/lib/rabbitmq "$@"
}

# Sets mode and owner of the file that was opened: user rabbitmq owns the directory, and a link that it creates there must not
# make it the owner of the link's target. The same goes for a second name (a hard link).
guard_cookie() {
  path=/var/lib/rabbitmq/.erlang.cookie
  may_be_placed "$path"
  # shellcheck disable=SC2016 # perl's variables; perl-base is part of every Debian
  perl -MFcntl -e 'sysopen(my $f, $ARGV[0], O_RDONLY | O_NOFOLLOW | O_NONBLOCK) or die "$ARGV[0]: $!\n";
    my @s = stat $f; -f _ && $s[3] == 1 or die "$ARGV[0] is not a regular file, or has a second name\n";
    chown($ARGV[1], $ARGV[2], $f) && chmod(0400, $f) or die "$ARGV[0]: $!\n"' \
    "$path" "$(id -u rabbitmq)" "$(id -g rabbitmq)" || not_written "$path"
}
