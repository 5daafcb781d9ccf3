# shellcheck shell=sh disable=SC2154  # set by the text in front of this file
# Runs the command that is in "$@", bounded, with its output and errors in one stream between two marks. It ends with everything that
# it started when its time is up, and when standard input ends: the controller interrupts it so, and a controller that is gone, too.
# In front: nonce, name (of this command, the same on all hosts), seconds, grace, operator, noted (the command for the journal).

# The note of the run that holds this host. Only root can see whether the lock is held.
if [ "$(id -u)" = 0 ] && lock_note; then
  printf '%s taken %s\t%s\n' "$nonce" "$(date +%s)" "$line"
fi

# Who runs what, in the host's journal, as for steps: else nowhere.
whose_login "$(id -un)"
to_journal "operator=$operator login=$login exec=$name command=$noted" "RABBITUP_OPERATOR=$operator
RABBITUP_LOGIN=$login
RABBITUP_EXEC=$name
RABBITUP_COMMAND=$noted"

# Hundredths of a second since the host booted, in $clock: never set back.
read_clock() {
  IFS=' .' read -r clock hundredths rest </proc/uptime
  # "05" would be a number in octal.
  clock=$((clock * 100 + 1$hundredths - 100))
}

cd "${HOME:-/}" 2>/dev/null || cd /
exec 3<&0 </dev/null
printf '%s begin\n' "$nonce"
read_clock
began=$clock
# timeout(1) gives the command a process group of its own, and passes on to all of it the signal that it gets.
RABBITUP_EXEC=$name timeout -k "$grace" "$seconds" "$@" 3<&- 2>&1 &
command=$!
{
  while IFS= read -r rest; do :; done
  # From here on it is told from a watcher that was not needed.
  trap '' TERM
  kill "$command"
} <&3 >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$command" 2>/dev/null
code=$?
read_clock
took=$((clock - began))
kill "$watcher" 2>/dev/null
if wait "$watcher" 2>/dev/null; then
  why=released
elif [ "$took" -ge "$((seconds * 100))" ] && { [ "$code" = 124 ] || [ "$code" = 137 ]; }; then
  why=timed-out
else
  why=exited
fi
if [ "$why" != exited ]; then
  # What left the group (setsid, su) has the mark in its environment, but not while it becomes another program, and what it starts meanwhile
  # is not listed yet: until two looks in a row find nothing. Not printed before: nobody may read any more.
  looks=0 clean=0
  while [ "$clean" -lt 2 ] && [ "$looks" -lt 20 ]; do
    [ "$looks" = 0 ] || sleep 0.1
    looks=$((looks + 1)) clean=$((clean + 1))
    left=$(grep -lsz "^RABBITUP_EXEC=$name\$" /proc/[0-9]*/environ)
    for stray in $left; do
      stray=${stray#/proc/}
      kill -9 "${stray%/environ}" 2>/dev/null && clean=0
    done
  done
fi
printf '\n%s end %s %s %s\n' "$nonce" "$why" "$code" "$took"
