# shellcheck shell=sh
# The frame around every step. `nonce` is set before this text; the step functions of the other files follow it;
# `run_step` calls come last, inside a function, so that a text cut short by a lost connection runs nothing.

LC_ALL=C
DEBIAN_FRONTEND=noninteractive
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# What is secret is made with mktemp, which lets nobody else in; what official tools write must stay readable.
umask 022
# shellcheck disable=SC2154 # set by the text in front of this file
stop_file=/run/rabbitup-$nonce.stop
work_file=/run/rabbitup-$nonce.work
step=

# Tells the next look at this host that steps run here. Their run may be killed, and they go on.
announce() {
  for other in /run/rabbitup-*.work; do
    [ -e "$other" ] || continue
    # Its shell was killed, and could not remove it.
    if read -r pid <"$other" && ! kill -0 "$pid" 2>/dev/null; then rm -f "$other" "${other%.work}.stop"; fi
  done
  # Put for a script that had ended, by a controller that had lost sight of it.
  for other in /run/rabbitup-*.stop; do
    [ "$other" = "$stop_file" ] || [ -e "${other%.stop}.work" ] || rm -f "$other"
  done
  printf '%s\n' "$$" 2>/dev/null >"$work_file" || :
}

# What the step knows about its failure; the controller shows it.
cause() { printf '%s cause %s %s\n' "$nonce" "$step" "$*"; }
advice() { printf '%s advice %s %s\n' "$nonce" "$step" "$*"; }

fail() { # CAUSE [ADVICE]
  cause "$1"
  [ -z "${2:-}" ] || advice "$2"
  exit 1
}

# Every command that could hang goes through this. 124 and 137 mean that it was ended.
bounded() { # SECONDS COMMAND...
  timeout -k 10 "$@"
}

# Waits for a condition, asking every 100 ms; the last answer is in $answer.
await() { # SECONDS COMMAND...
  tries=$(($1 * 10))
  shift
  while [ "$tries" -gt 0 ]; do
    # shellcheck disable=SC2034 # read by the steps' messages
    if answer=$("$@" 2>&1); then return 0; fi
    tries=$((tries - 1))
    sleep 0.1
  done
  return 1
}

# A step runs in a shell of its own under `set -e`, without the script as its standard input.
run_step() { # ID FUNCTION [ARGUMENT...]
  step=$1
  shift
  if [ -e "$stop_file" ]; then
    printf '%s stopped\n' "$nonce"
    exit 0
  fi
  printf '%s begin %s\n' "$nonce" "$step"
  set +e
  (set -eu; "$@") </dev/null 2>&1
  rc=$?
  printf '%s end %s %s\n' "$nonce" "$step" "$rc"
  [ "$rc" = 0 ] || exit 0
}

# Reads the steps' output so that none of them ever writes to a closed pipe: with the connection lost, apt in the
# middle of a transaction must end it. Nothing new starts then, because nobody watches.
forward() {
  trap '' PIPE
  while IFS= read -r line; do
    printf '%s\n' "$line" 2>/dev/null || : >"$stop_file"
  done
}
