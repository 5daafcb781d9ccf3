# shellcheck shell=sh

# Packages are downloaded before the node stops, so that the network does not prolong its downtime.
upgrade_broker() { # NODE MODE PATIENCE none|drain|quorum-critical KEYS data=VERSION PACKAGE=VERSION...
  node=$1 mode=$2 patience=$3 gate=$4 accepted_keys=$5 judged=$6
  shift 6
  is_as_planned "$judged" "$@"
  refresh_lists
  fetch_packages "$@"
  take_out "$node" "$mode" "$patience" "$gate"
  stop_broker "$node"
  doing installing
  installed=yes
  # Others were waited for before the node stopped. It is not kept down for one that came in between.
  # shellcheck disable=SC2034 # packages.sh reads lock_patience
  (lock_patience=120 lock_waited=0; install_packages rabbitmq-server '' "$accepted_keys" "$judged" "$@") || installed=no
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
