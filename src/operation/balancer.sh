# shellcheck shell=sh
# Commands to a running balancer. How they are sent is in the file of its software: SOFTWARE_states SERVER prints
# `BACKEND STATUS` for every server of that name, SOFTWARE_set SERVER maint|ready changes it in all backends.

is_used() { # SOFTWARE SERVER
  states=$("${1}_states" "$2")
  printf '%s\n' "$states"
  [ -n "$states" ] && ! printf '%s\n' "$states" | grep -qv -e ' UP' -e ' no check'
}

switch_server() { # SOFTWARE NAME SERVER out|in|in-anyway
  case $4 in out) state=maint ;; *) state=ready ;; esac
  "${1}_set" "$3" "$state" || {
    # A failed step is not reverted later: a server that is only partly out goes on serving.
    [ "$state" = ready ] || "${1}_set" "$3" ready || :
    fail "$2 did not switch $3" "the line above is its answer"
  }
  # shellcheck disable=SC2154 # set by await
  [ "$4" != in ] || await 60 is_used "$1" "$3" ||
    fail "$2 does not use $3 again: $(printf %s "$answer" | tr '\n' ' ')" "rabbitup status shows the result of its health check"
}
