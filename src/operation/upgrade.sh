# shellcheck shell=sh

# What the new version needs is fetched before the node stops: the network is not to lengthen its absence.
upgrade_broker() { # NODE MODE PATIENCE none|drain|quorum-critical data=VERSION PACKAGE=VERSION...
  node=$1 mode=$2 patience=$3 gate=$4 judged=$5
  shift 5
  is_as_planned "$judged" "$@"
  held=$(apt-mark showhold 2>/dev/null | tr '\n' ' ')
  refresh_lists
  # What dpkg has begun is ended when the node is down: a package's script may restart it.
  dpkg_was_interrupted ||
    fetching 900 -q -y --download-only --no-install-recommends --allow-change-held-packages \
      -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 install "$@" || packages_failed "$@"
  take_out "$node" "$mode" "$patience" "$gate"
  stop_broker "$node"
  installed=yes
  (install_packages rabbitmq-server "$judged" "$@") || installed=no
  # shellcheck disable=SC2086 # a list of package names
  [ -z "$held" ] || bounded 60 apt-mark -q hold $held
  if [ "$installed" = no ]; then
    # What was there before serves again, if dpkg left it whole.
    (bring_back "$node" "$mode" "$patience" "$gate") || :
    fail "$node was not upgraded" "mend what the lines above name, then run the same command again"
  fi
  bring_back "$node" "$mode" "$patience" "$gate"
}

enable_feature_flags() { # NODE
  control 300 "$1" enable_feature_flag all ||
    fail "a feature flag could not be enabled" "the lines above are RabbitMQ's own words"
}
