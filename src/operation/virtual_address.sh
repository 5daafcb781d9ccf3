# shellcheck shell=sh

await_standby() { # CHECK
  # shellcheck disable=SC2154 # set by await
  await 60 keeps_passing "$1" || fail "the check of this load balancer fails, so it cannot have the shared address: $answer" \
    "the other load balancers were not changed; repair this one, then run the same command again"
}

# keepalived wants three in a row, one a second.
keeps_passing() { # CHECK
  for _ in 1 2 3 4; do
    bounded 8 setpriv --reuid=65534 --regid=65534 --clear-groups "$1" || return 1
    sleep 1
  done
}
