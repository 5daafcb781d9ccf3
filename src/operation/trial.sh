# shellcheck shell=sh

# Files that a broker reads when it starts are on trial until it has started with them: what was there before is noted, in
# a directory of root's that goes with the boot. One note for a file, of what the last start is known to have gone well with.
trial=/run/rabbitup-trial

put_on_trial() { # PATH there|absent BACKUP
  end_proved_trial
  (umask 077 && mkdir -p "$trial")
  note=$trial/$(printf %s "$1" | tr / :)
  [ -e "$note" ] || printf '%s %s\n' "$2" "$3" >"$note"
}

end_trial() {
  rm -rf "$trial"
}

# A start that a run gave up may go well after all: one that took too long, or that somebody stopped and started again. Files that
# were noted before the broker began to serve have stood their trial; what was there before them is no way back any more.
end_proved_trial() {
  [ -d "$trial" ] && systemctl -q is-active rabbitmq-server || return 0
  serves_since=$(date +%s -d "$(systemctl show -p ActiveEnterTimestamp --value rabbitmq-server)") || return 0
  for note in "$trial"/:*; do
    noted=$(stat -c %Y "$note") || continue
    [ "$noted" -lt "$serves_since" ] || return 0
  done
  end_trial
}
