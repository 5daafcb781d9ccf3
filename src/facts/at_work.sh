# shellcheck shell=sh disable=SC3013  # dash, bash and busybox have -ef

# at_work FILE: whether the script that wrote FILE, or a process that it started, still runs; its number in $worker. FILE contains
# "PROCESS SESSION" of the script's shell. If that shell is killed, its children keep running in its session; daemons have their
# own.
at_work() {
  worker='' session=''
  IFS=' ' read -r worker session 2>/dev/null <"$1" || return 1
  if kill -0 "$worker" 2>/dev/null; then return 0; fi
  [ -n "$session" ] || return 1
  for worker in /proc/[0-9]*; do
    line=''
    read -r line 2>/dev/null <"$worker/stat" || continue
    worker=${worker#/proc/}
    # After the command's name in parentheses: state, parent, process group, session (proc_pid_stat(5)).
    line=${line##*') '}
    case $line in Z*) continue ;; esac
    case ${line#* * * } in "$session "*) return 0 ;; esac
  done
  return 1
}

# lock_note: the note of this host's lock holder, in $line, if the lock is held. The holding shell has the lock's file open (as 9,
# or where dash keeps that while a command runs) and is the last word of the note. /proc/locks does not show it in a container: it
# names the flock command, which has ended. This takes no lock, so it does not block a run from starting.
lock_note() {
  line=''
  IFS='' read -r line 2>/dev/null </run/rabbitup.owner || return 1
  for open in "/proc/${line##*	}/fd"/*; do
    if [ "$open" -ef /run/rabbitup.lock ]; then return 0; fi
  done
  return 1
}
