# shellcheck shell=sh

# Packages are downloaded before the node stops, so that the network does not prolong its downtime.
upgrade_broker() { # NODE MODE PATIENCE none|drain|quorum-critical KEYS data=VERSION PACKAGE=VERSION...
  node=$1 mode=$2 patience=$3 gate=$4 accepted_keys=$5 judged=$6
  shift 6
  is_as_planned "$judged" "$@"
  held=$(held_packages)
  refresh_lists
  fetch_packages "$@"
  take_out "$node" "$mode" "$patience" "$gate"
  stop_broker "$node"
  installed=yes
  (install_packages rabbitmq-server "$accepted_keys" "$judged" "$@") || installed=no
  # apt drops the hold of what it changes; dnf's steps have set theirs again.
  # shellcheck disable=SC2086 # a list of package names
  [ "$(held_packages)" = "$held" ] || hold_packages hold $held
  if [ "$installed" = no ]; then
    # The old version serves again, if the installation left it intact.
    (bring_back "$node" "$mode" "$patience" "$gate") || :
    fail "$node was not upgraded" "fix the errors in the lines above, then run the same command again"
  fi
  bring_back "$node" "$mode" "$patience" "$gate"
}

# 3.8 has no option for all of them.
enable_feature_flags() { # NODE
  ! control 300 "$1" enable_feature_flag all || return 0
  flags=$(control 60 "$1" --silent list_feature_flags name state stability) ||
    fail "$1 did not list its feature flags" "RabbitMQ's error is in the lines above"
  printf '%s\n' "$flags" | while read -r flag state stability; do
    [ "$state $stability" = 'disabled stable' ] || continue
    control 120 "$1" enable_feature_flag "$flag" </dev/null || exit 1
  done || fail "a feature flag could not be enabled" "RabbitMQ's error is in the lines above"
}
