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
run_file=/run/rabbitup.run
step=

# One run at a time, also where the other one's controller was paused, or lost its lock without knowing.
#
# A script       1 writes its work file   2 reads the run file, and ends unless it names its own run   3 acts
# Another run    1 takes the lock, writes its own name to the run file   2 looks for work files, and waits until nobody of
#                  whom they tell is at work   3 acts
#
# All of it is on one host, whose kernel puts writes and reads of files in one order. Where the script's 2 comes before the
# other's 1, its work file is older still, so the other's 2 sees it and waits for the end of its process, however long it
# pauses on the way. Else the script reads the other's name, and ends. There is no third case, and no clock in it: so 2
# is done before each step and never inside one, and what has begun comes to its end.
announce() {
  for other in /run/rabbitup-*.work; do
    # An empty one is about to be written. Otherwise it is of a shell that was killed, and could not remove it.
    if [ ! -s "$other" ] || at_work "$other"; then continue; fi
    rm -f "$other" "${other%.work}.stop"
  done
  # Put for a script that had ended, by a controller that had lost sight of it.
  for other in /run/rabbitup-*.stop; do
    [ "$other" = "$stop_file" ] || [ -e "${other%.stop}.work" ] || rm -f "$other"
  done
  session=
  if read -r session 2>/dev/null </proc/self/stat; then
    # Behind the command's name in parentheses: state, parent, process group, session.
    session=${session##*') '} session=${session#* * * } session=${session%% *}
  fi
  announced=no
  if { printf '%s %s\n' "$$" "$session" >"$work_file"; } 2>/dev/null; then announced=yes; fi
}

cannot_announce() {
  fail "$work_file cannot be written, so nothing was done" "see whether /run is full or read-only: df /run"
}

# Whether the host is still this run's. A run that locks nothing (it only ends another's waiting) has no name.
# shellcheck disable=SC2154 # set by the text in front of this file
is_ours() {
  [ -n "$run" ] || return 0
  named=
  read -r named 2>/dev/null <"$run_file" || return 1
  [ "$named" = "$run" ]
}

# Whose the host is now: the note of the lock's holder, or that nobody has it.
say_whose() {
  if lock_note; then
    printf '%s taken %s\t%s\n' "$nonce" "$(date +%s)" "$line"
  else
    printf '%s unlocked\n' "$nonce"
  fi
}

# A line in the host's system journal (docs/trail.md): who, which run, which plan and step, what came of it; never what was
# sent or printed. With fields where systemd keeps the journal, else to syslog, else nowhere. A journal that does not take
# it within two seconds is not asked again.
# shellcheck disable=SC2154 # set by the text in front of this file
trail() { # begin|end [RC SECONDS]
  [ -z "${no_trail:-}" ] || return 0
  login=${SUDO_USER:-${DOAS_USER:-root}}
  case $login in *[!A-Za-z0-9._@+-]*) login="?" ;; esac
  noted=$step
  # A queue's name may be a part of it, and hold anything.
  case $step in *[!A-Za-z0-9@._/+-]*) noted=$(printf %s "$step" | tr -c 'A-Za-z0-9@._/+-' '?' | cut -c 1-120) ;; esac
  said="operator=$operator login=$login run=$run plan=$plan step=$noted $1${2:+ result=$2 seconds=$3}"
  timeout -k 1 2 logger --journald 2>/dev/null <<FIELDS ||
MESSAGE=$said
PRIORITY=5
SYSLOG_IDENTIFIER=rabbitup
RABBITUP_OPERATOR=$operator
RABBITUP_LOGIN=$login
RABBITUP_RUN=$run
RABBITUP_PLAN=$plan
RABBITUP_STEP=$noted
RABBITUP_EVENT=$1
RABBITUP_RESULT=${2:-}
RABBITUP_SECONDS=${3:-}
FIELDS
    timeout -k 1 2 logger -t rabbitup -p user.notice "$said" 2>/dev/null || no_trail=yes
}

# What the step knows about its failure; the controller shows it.
cause() { printf '%s cause %s %s\n' "$nonce" "$step" "$*"; }
advice() { printf '%s advice %s %s\n' "$nonce" "$step" "$*"; }

# What the operator must know though the step succeeded; the run's summary shows it, what begins with `$ ` as a command.
told() { printf '%s told %s %s\n' "$nonce" "$step" "$*"; }

fail() { # CAUSE [ADVICE]
  if [ -n "${untold:-}" ]; then
    # What was waited for never had a chance to come true.
    printf '%s\n' "$1"
    set -- "$untold" "rabbitup knows RabbitMQ up to ${newest_tried:-an older version} (docs/internals.md): a newer rabbitup may know this one"
  fi
  cause "$1"
  [ -z "${2:-}" ] || advice "$2"
  exit 1
}

# Hundredths of a second since the host booted, in $clock: nobody sets that clock back, and reading it starts no process.
read_clock() {
  IFS=' .' read -r clock hundredths _ </proc/uptime
  # "05" would be a number in octal.
  clock=$((clock * 100 + 1$hundredths - 100))
}

# How many of these SECONDS a command may take where it is the question of somebody who waits, in $limit: what is left of
# the waiting, but 15 at least, which a busy host needs for an answer. A question that hangs must not make a wait of ten
# seconds one of a minute.
within() { # SECONDS
  limit=$1
  [ -n "${deadline:-}" ] || return 0
  read_clock
  left=$(((deadline - clock) / 100))
  [ "$left" -gt 15 ] || left=15
  [ "$limit" -le "$left" ] || limit=$left
}

# Every command that could hang goes through this. 124 and 137 mean that it was ended.
bounded() { # SECONDS COMMAND...
  within "$1"
  shift
  timeout -k 10 "$limit" "$@"
}

# Waits for a condition, by the clock, with a pause of 100 ms between two questions; the last answer is in $answer. It is
# asked once at least, and not again where the node cannot be asked (44, see ask.sh): $untold then has why, for `fail`.
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

# A step runs in a shell of its own under `set -e`, without the script as its standard input.
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
  # 4 is the step's output, also for a question whose own is somebody's answer.
  (set -eu; "$@") </dev/null 2>&1 4>&1
  rc=$?
  read_clock
  printf '%s end %s %s\n' "$nonce" "$step" "$rc"
  trail end "$rc" "$(((clock - began) / 100))"
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
