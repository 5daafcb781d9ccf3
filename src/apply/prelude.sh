# shellcheck shell=sh
# The code around every step. `nonce` is set before this text; the step functions of the other files follow it;
# `run_step` calls come last, inside a function, so that a text cut by a lost connection runs nothing.

LC_ALL=C
DEBIAN_FRONTEND=noninteractive
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# Secret files are created with mktemp, which makes them private; files that official tools write must stay readable.
umask 022
# shellcheck disable=SC2154 # set by the text in front of this file
stop_file=/run/rabbitup-$nonce.stop
work_file=/run/rabbitup-$nonce.work
run_file=/run/rabbitup.run
step=

# One run at a time, even if the other one's controller was paused, or lost its lock without noticing.
#
# A script       1 writes its work file   2 reads the run file, and ends unless it names its own run   3 acts
# Another run    1 takes the lock, writes its own name to the run file   2 looks for work files, and waits until
#                  none of their processes is active   3 acts
#
# All of it is on one host, whose kernel orders reads and writes of files. If the script's 2 comes before the
# other's 1, its work file is even older, so the other's 2 sees it and waits for its process to end, however long it
# pauses. Otherwise the script reads the other's name, and ends. There is no third case, and no clock: so 2
# is done before each step and never inside one, and a step that has started also ends.
announce() {
  for other in /run/rabbitup-*.work; do
    # An empty one is about to be written. Otherwise its shell was killed and could not remove it.
    if [ ! -s "$other" ] || at_work "$other"; then continue; fi
    rm -f "$other" "${other%.work}.stop"
  done
  # Created for a script that had ended, by a controller that had lost its connection.
  for other in /run/rabbitup-*.stop; do
    [ "$other" = "$stop_file" ] || [ -e "${other%.stop}.work" ] || rm -f "$other"
  done
  session=
  if read -r session 2>/dev/null </proc/self/stat; then
    # After the command's name in parentheses: state, parent, process group, session.
    session=${session##*') '} session=${session#* * * } session=${session%% *}
  fi
  announced=no
  if { printf '%s %s\n' "$$" "$session" >"$work_file"; } 2>/dev/null; then announced=yes; fi
}

cannot_announce() {
  fail "$work_file cannot be written, so nothing was done" "check whether /run is full or read-only: df /run"
}

# Whether the host still belongs to this run. A run that locks nothing (it only cancels another's wait) has no name.
# shellcheck disable=SC2154 # set by the text in front of this file
is_ours() {
  [ -n "$run" ] || return 0
  named=
  read -r named 2>/dev/null <"$run_file" || return 1
  [ "$named" = "$run" ]
}

# The current owner of the host: the note of the lock's holder, or `unlocked`.
say_whose() {
  if lock_note; then
    printf '%s taken %s\t%s\n' "$nonce" "$(date +%s)" "$line"
  else
    printf '%s unlocked\n' "$nonce"
  fi
}

# A line in the host's journal: operator, run, plan, step, result; never what was sent or printed. A journal that does not accept it in
# time is not tried again.
# shellcheck disable=SC2154 # set by the text in front of this file
trail() { # begin|end [RC SECONDS]
  [ -z "${no_trail:-}" ] || return 0
  whose_login root
  noted=$step
  # It may contain a queue's name, with any characters.
  case $step in *[!A-Za-z0-9@._/+-]*) noted=$(printf %s "$step" | tr -c 'A-Za-z0-9@._/+-' '?' | cut -c 1-120) ;; esac
  said="operator=$operator login=$login run=$run plan=$plan step=$noted $1${2:+ result=$2 seconds=$3}"
  to_journal "$said" "RABBITUP_OPERATOR=$operator
RABBITUP_LOGIN=$login
RABBITUP_RUN=$run
RABBITUP_PLAN=$plan
RABBITUP_STEP=$noted
RABBITUP_EVENT=$1
RABBITUP_RESULT=${2:-}
RABBITUP_SECONDS=${3:-}" || no_trail=yes
}

# The cause of a failure as the step knows it; the controller shows it.
cause() { printf '%s cause %s %s\n' "$nonce" "$step" "$*"; }
advice() { printf '%s advice %s %s\n' "$nonce" "$step" "$*"; }

# What the operator must know although the step succeeded; shown in the run's summary, lines with `$ ` as commands.
told() { printf '%s told %s %s\n' "$nonce" "$step" "$*"; }

# What a long step does from now on: a word of `Activity` (activity.rs).
doing() { printf '%s doing %s %s\n' "$nonce" "$step" "$1"; }

fail() { # CAUSE [ADVICE]
  if [ -n "${untold:-}" ]; then
    # The condition could never become true.
    printf '%s\n' "$1"
    set -- "$untold" "rabbitup knows RabbitMQ up to ${newest_tried:-an older version} (docs/internals.md): a newer rabbitup may support this one"
  fi
  cause "$1"
  [ -z "${2:-}" ] || advice "$2"
  exit 1
}

# Hundredths of a second since the host booted, in $clock: this clock is never set back, and reading it starts no process.
read_clock() {
  IFS=' .' read -r clock hundredths _ </proc/uptime
  # "05" would be a number in octal.
  clock=$((clock * 100 + 1$hundredths - 100))
}

# The timeout of a command with this limit of SECONDS, in $limit. Inside a wait it is at most the rest of
# the wait, but at least 15, which a busy host needs for an answer. A command that hangs must not turn a wait of ten
# seconds into a minute.
within() { # SECONDS
  limit=$1
  [ -n "${deadline:-}" ] || return 0
  read_clock
  left=$(((deadline - clock) / 100))
  [ "$left" -gt 15 ] || left=15
  [ "$limit" -le "$left" ] || limit=$left
}

# Every command that could hang runs through this. 124 and 137 mean that it timed out.
bounded() { # SECONDS COMMAND...
  within "$1"
  shift
  timeout -k 10 "$limit" "$@"
}

# Polls a condition every 100 ms until the timeout; the last answer is in $answer. The condition is
# checked at least once, and not again if the node cannot answer (44, see ask.sh): $untold then has the reason, for `fail`.
await() { # SECONDS COMMAND...
  read_clock
  await_end=$((clock + $1 * 100))
  shift
  untold=
  while :; do
    await_rc=0
    # shellcheck disable=SC2034 # read by the steps' messages
    answer=$(deadline=$await_end; "$@" 2>&1) || await_rc=$?
    case $await_rc in
      0) return 0 ;;
      44) untold=$answer; return 44 ;;
    esac
    read_clock
    [ "$clock" -lt "$await_end" ] || return 1
    sleep 0.1
  done
}

# A step runs in its own shell under `set -e`, without the script as its standard input.
run_step() { # ID FUNCTION [ARGUMENT...]
  step=$1
  shift
  if [ -e "$stop_file" ]; then
    printf '%s stopped\n' "$nonce"
    exit 0
  fi
  if ! is_ours; then
    say_whose
    exit 0
  fi
  if [ "$announced" = no ] && [ -n "$run" ]; then set -- cannot_announce; fi
  printf '%s begin %s %s\n' "$nonce" "$step" "$$"
  trail begin
  read_clock
  began=$clock
  set +e
  # 4 is the step's output, also in commands whose own output is captured.
  (set -eu; "$@") </dev/null 2>&1 4>&1
  rc=$?
  read_clock
  printf '%s end %s %s\n' "$nonce" "$step" "$rc"
  trail end "$rc" "$(((clock - began) / 100))"
  [ "$rc" = 0 ] || exit 0
}

# Reads the steps' output so that they never write to a closed pipe: if the connection is lost in the middle of a package
# transaction, that must still finish. No further step starts then, since nobody watches it.
forward() {
  trap '' PIPE
  while IFS= read -r line; do
    printf '%s\n' "$line" 2>/dev/null || : >"$stop_file"
  done
}
