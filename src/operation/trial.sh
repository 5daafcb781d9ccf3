# shellcheck shell=sh

# Files that a broker reads when it starts are on trial until it has started with them: the old files are recorded in
# a directory of root that does not survive a reboot. One record per file: the version of the last successful start.
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

# A start that a run gave up may succeed later: one that took too long, or that was stopped and started again. Files that
# were recorded before the broker began to serve are no longer on trial; their old versions are not restored any more.
end_proved_trial() {
  [ -d "$trial" ] && systemctl -q is-active rabbitmq-server || return 0
  serves_since=$(date +%s -d "$(systemctl show -p ActiveEnterTimestamp --value rabbitmq-server)") || return 0
  for note in "$trial"/:*; do
    noted=$(stat -c %Y "$note") || continue
    [ "$noted" -lt "$serves_since" ] || return 0
  done
  end_trial
}
