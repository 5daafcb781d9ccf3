# shellcheck shell=sh

control() { # SECONDS NODE COMMAND...
  limit=$1 target=$2
  shift 2
  rabbit_tool "$limit" rabbitmqctl -q -n "$target" "$@"
}

# At its next start a disc node replays Mnesia's log, which contains a node's leaving but not its return as a RAM node
# (seen on 4.0.5). So after a stop of the whole cluster the node would be forgotten and refused. A dumped log is not replayed.
start_as() { # NODE MODE disc|ram
  control 300 "$1" start_app || return 1
  [ "$3" = disc ] ||
    await 10 says dumped dump_log "$1" "$2"
}

change_node_type() { # NODE MODE disc|ram
  control 120 "$1" stop_app
  if ! control 120 "$1" change_cluster_node_type "$3"; then
    control 300 "$1" start_app || :
    fail "$1 did not become a $3 node" "RabbitMQ's error is in the lines above"
  fi
  start_as "$1" "$2" "$3" || broker_failed "RabbitMQ did not start on $1 after its type had changed"
  await 300 is_serving "$1" "$2" || fail "$1 does not serve after its type had changed"
}

set_cluster_name() { # NODE NAME
  control 60 "$1" set_cluster_name "$2"
}

set_plugins() { # NODE PLUGIN...
  node=$1
  shift
  # Debian's wrapper would run it as root, which would then evaluate rabbitmq-env.conf, a file in a directory of user rabbitmq.
  # The rest of the wrapper is repeated here: without it the script of Debian 13 (4.0.5) finds no plugins.
  for plugins_dir in /usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins; do
    [ ! -d "$plugins_dir" ] || export PLUGINS_DIR="$plugins_dir"
  done
  if as_rabbitmq 10 test -w /etc/rabbitmq; then
    rabbit_tool 180 rabbitmq-plugins -q -n "$node" set "$@"
  else
    # RabbitMQ's own RPM gives this directory to root alone, so the file with the plugins is written by root, as its wrapper does.
    within 180
    # shellcheck disable=SC2154 # within sets limit, broker_user.sh cookie_home
    (cd / && HOME="$cookie_home" LC_ALL=C.UTF-8 timeout -k 10 "$limit" /usr/lib/rabbitmq/bin/rabbitmq-plugins -q -n "$node" set "$@")
  fi
}
