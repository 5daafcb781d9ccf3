# shellcheck shell=sh

# Files that a broker reads when it starts are on trial until it has started with them: what was there before is noted, in
# a directory of root's that goes with the boot. One note for a file, of what the last start is known to have gone well with.
trial=/run/rabbitup-trial

put_on_trial() { # PATH there|absent BACKUP
  (umask 077 && mkdir -p "$trial")
  note=$trial/$(printf %s "$1" | tr / :)
  [ -e "$note" ] || printf '%s %s\n' "$2" "$3" >"$note"
}

end_trial() {
  rm -rf "$trial"
}
