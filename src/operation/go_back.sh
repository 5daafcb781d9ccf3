# shellcheck shell=sh
# shellcheck disable=SC2154 # trial comes from trial.sh

# The files on trial, as text for a message.
on_trial() {
  for note in "$trial"/:*; do
    [ ! -e "$note" ] || printf '%s\n' "${note##*/}"
  done | tr : / | paste -s -d ' '
}

# The settings that differ between a file on trial and the old file, as text for a message. Read as user rabbitmq, who may
# have replaced the files. Without values: one may be a secret.
changed_on_trial() {
  for note in "$trial"/:*; do
    read -r was old <"$note" || continue
    # shellcheck disable=SC2016 # $1 and $2 belong to the inner shell
    as_rabbitmq 10 sh -c '
      [ "$1" = absent ] && set -- "$1" /dev/null "$3"
      { grep -vxFf "$2" "$3"; grep -vxFf "$3" "$2"; } 2>/dev/null' _ "$was" "$old" "$(path_of "$note")" || :
  done | sed -n 's/^[[:space:]]*\([^#=[:space:]]*\)[[:space:]]*=.*/\1/p' | sort -u | head -n 8 | paste -s -d ' '
}

path_of() { # NOTE
  printf %s "${1##*/}" | tr : /
}

# Restores each file. Fails, and changes nothing, if the backup of one is missing.
put_back() {
  for note in "$trial"/:*; do
    read -r was old <"$note" || return 1
    [ "$was" = absent ] || { [ -f "$old" ] && [ ! -L "$old" ]; } || return 1
  done
  for note in "$trial"/:*; do
    path=$(path_of "$note")
    read -r was old <"$note" || return 1
    case $was in
      absent) rm -f "$path" || return 1 ;;
      *) mv -f -T "$old" "$path" || return 1 ;;
    esac
  done
  end_trial
  bounded 60 systemctl daemon-reload
}

# A node that served with its old files and does not start with the new ones gets the old ones back. No other node has the
# new ones: each gets them after the previous one has started with them.
go_back() { # NODE MODE PATIENCE none|drain|quorum-critical
  new=$(on_trial)
  # shellcheck disable=SC2154 # comes_up sets why
  [ -n "$new" ] || broker_failed "$why"
  broker_log
  settings=$(changed_on_trial)
  new="$new (${settings:+changed: $settings; }$(with_reason 'it failed'))"
  stop_broker "$1"
  put_back || fail "$1 did not start with the new $new, and there is no backup of the old one" \
    "correct [cluster.config], then run the same command again; the other brokers do not have the new file"
  comes_up "$1" "$2" "$3" ||
    fail "$1 did not start with the new $new, nor with the old one, which was restored: $why" \
      "rabbitup doctor shows why; the other brokers keep their files"
  serve_again "$@"
  fail "$1 did not start with the new $new; the old one was restored, and the node serves again" \
    "correct [cluster.config], then run the same command again; the other brokers keep their files"
}
