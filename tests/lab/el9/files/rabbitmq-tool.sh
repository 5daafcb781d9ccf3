#!/bin/sh
# The command behind each of RabbitMQ's tools in /usr/sbin: for root and for user rabbitmq only.
tool=${0##*/}
home=$(getent passwd rabbitmq | cut -d: -f6)
cd "$home" || cd / || exit

case $(id -un):$tool in
  root:rabbitmq-plugins)
    # As root, since it writes into /etc/rabbitmq; a cookie that this makes is the broker's.
    HOME=$home "/usr/lib/rabbitmq/bin/$tool" "$@"
    rc=$?
    if [ -f "$home/.erlang.cookie" ]; then
      chown rabbitmq:rabbitmq "$home/.erlang.cookie"
      chmod 400 "$home/.erlang.cookie"
    fi
    exit $rc
    ;;
  root:*) exec runuser -u rabbitmq -- "/usr/lib/rabbitmq/bin/$tool" "$@" ;;
  rabbitmq:rabbitmq-plugins) ;;
  rabbitmq:*) HOME=$home exec "/usr/lib/rabbitmq/bin/$tool" "$@" ;;
esac
"/usr/lib/rabbitmq/bin/$tool" help
echo "Only root or rabbitmq can run $tool"
exit 1
