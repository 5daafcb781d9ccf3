# shellcheck shell=sh

# User rabbitmq owns /etc/rabbitmq, /var/lib/rabbitmq and /var/log/rabbitmq. Files there may be links, pipes without a writer or
# endless files, and may become one at any moment. So they are read and changed as that user, who gains nothing by it, and only
# for a limited time.

broker_user=rabbitmq
broker_group=rabbitmq
# The home directory with ~/.erlang.cookie.
cookie_home=/var/lib/rabbitmq

# timeout runs as root: a user can stop and kill his own processes. The groups are those that systemd gives the broker.
as_rabbitmq() { # SECONDS COMMAND...
  seconds=$1
  shift
  if command -v setpriv >/dev/null; then
    timeout -k 10 "$seconds" setpriv --reuid="$broker_user" --regid="$broker_group" --init-groups \
      env HOME="$cookie_home" "$@"
  else
    timeout -k 10 "$seconds" runuser -u "$broker_user" -- env HOME="$cookie_home" "$@"
  fi
}

# The end of a file in one of those directories that user rabbitmq cannot read: the unit's standard output belongs to root. It
# must be a regular file without other hard links. A shell cannot open files that way, so this needs perl or Python.
tail_as_root() { # FILE BYTES
  if command -v perl >/dev/null; then
    # shellcheck disable=SC2016 # perl's variables
    timeout -k 10 5 perl -MFcntl -e 'sysopen(my $f, $ARGV[0], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY) or exit 1;
    my @s = stat $f; -f _ && $s[3] == 1 or exit 1;
    sysseek($f, -$ARGV[1], 2) if $s[7] > $ARGV[1];
    for (my $left = $ARGV[1]; $left > 0 && (my $n = sysread($f, my $b, $left)); $left -= $n) { syswrite(STDOUT, $b) or exit 1 }' "$1" "$2" 2>/dev/null
    return
  fi
  for python in python3 /usr/libexec/platform-python; do
    command -v "$python" >/dev/null || continue
    timeout -k 10 5 "$python" -c 'import os, stat, sys
f = os.open(sys.argv[1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
s = os.fstat(f)
if not stat.S_ISREG(s.st_mode) or s.st_nlink != 1: sys.exit(1)
os.lseek(f, max(0, s.st_size - int(sys.argv[2])), 0)
sys.stdout.buffer.write(os.read(f, int(sys.argv[2])))' "$1" "$2" 2>/dev/null
    return
  done
  return 1
}
