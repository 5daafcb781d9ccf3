# shellcheck shell=sh
# shellcheck disable=SC2154 # erl_accepts is set by the text in front of this file

write_rabbitmq_conf() { # as write_file
  # shellcheck disable=SC2034 # read by write_file
  reader=accepted_by_rabbitmq
  write_file "$@"
}

# Lets the installed RabbitMQ read the file `new` of the workshop, as user rabbitmq, in a separate VM that ends
# at once. Through standard input, since rabbitmq could swap the target of a name. If it cannot run, that proves nothing.
accepted_by_rabbitmq() { # PATH
  plugins=$(cd /usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins 2>/dev/null && pwd) || plugins=
  rc=0
  # The file is opened in the workshop, where names cannot be swapped.
  said=$({
    cd /var/lib/rabbitmq && LC_ALL=C.UTF-8 as_rabbitmq 30 env ERL_CRASH_DUMP_SECONDS=0 ERL_LIBS="$plugins" \
      erl +B +S 1:1 -boot start_clean -noinput -hidden -kernel logger_level none -eval "$erl_accepts"
  } 2>&1 <new) || rc=$?
  case $rc in
    0) ;;
    3) printf '%s\n' "$said"; fail "RabbitMQ refuses the new $1 (the lines above show why); the old one is still in place" \
      "correct [cluster.config], then run the same command again" ;;
    *) printf 'RabbitMQ could not validate the new %s (%s); its start shows whether it works\n' "$1" "$rc" ;;
  esac
}
