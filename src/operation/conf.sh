# shellcheck shell=sh
# shellcheck disable=SC2154 # erl_accepts is set by the text in front of this file

write_rabbitmq_conf() { # as write_file
  # shellcheck disable=SC2034 # read by write_file
  reader=accepted_by_rabbitmq
  write_file "$@"
}

# Has the file `new` of the workshop read by the RabbitMQ that is installed, as user rabbitmq, in a VM of its own that ends
# at once. By its standard input, since rabbitmq could exchange what a name leads to. That it cannot be asked is no answer.
accepted_by_rabbitmq() { # PATH
  plugins=$(cd /usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins 2>/dev/null && pwd) || plugins=
  rc=0
  # The file is opened in the workshop, where no name leads elsewhere.
  said=$({
    cd /var/lib/rabbitmq && LC_ALL=C.UTF-8 as_rabbitmq 30 env ERL_CRASH_DUMP_SECONDS=0 ERL_LIBS="$plugins" \
      erl +B +S 1:1 -boot start_clean -noinput -hidden -kernel logger_level none -eval "$erl_accepts"
  } 2>&1 <new) || rc=$?
  case $rc in
    0) ;;
    3) printf '%s\n' "$said"; fail "RabbitMQ refuses the new $1 (the lines above say why); the old one is still in place" \
      "correct [cluster.config], then run the same command again" ;;
    *) printf 'RabbitMQ could not check the new %s ahead (%s); its start shows whether it is good\n' "$1" "$rc" ;;
  esac
}
