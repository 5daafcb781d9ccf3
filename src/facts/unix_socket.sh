# shellcheck shell=sh

# unix_socket SECONDS PATH TEXT: sends a line, and prints the answer until the other side closes. A shell cannot open such a socket. socat
# is rarely installed; every Debian has perl-base, and every system with dnf 4 has Python.
unix_socket() {
  if command -v socat >/dev/null 2>&1; then
    printf '%s\n' "$3" | timeout -k 5 "$1" socat -t 2 - "UNIX-CONNECT:$2"
    return
  fi
  if command -v perl >/dev/null 2>&1; then
    # shellcheck disable=SC2016 # perl's variables
    timeout -k 5 "$1" perl -MIO::Socket::UNIX -e \
      '$s = IO::Socket::UNIX->new($ARGV[0]) or die "$!\n"; print $s "$ARGV[1]\n"; $s->flush; print while <$s>' "$2" "$3"
    return
  fi
  for python in python3 /usr/libexec/platform-python; do
    command -v "$python" >/dev/null 2>&1 || continue
    timeout -k 5 "$1" "$python" -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall((sys.argv[2] + "\n").encode())
while True:
    b = s.recv(65536)
    if not b: break
    sys.stdout.buffer.write(b)' "$2" "$3"
    return
  done
  echo 'there is no socat, perl or Python on this host' >&2
  return 1
}
