# shellcheck shell=sh
# What holds for every package manager. A family's file has `broker_package` (the version of rabbitmq-server on this host,
# whole or in part) and `is_at_least VERSION VERSION`.

holds_data() {
  for directory in /var/lib/rabbitmq/mnesia/*@*/; do
    case $directory in *-plugins-expand/) ;; *) [ ! -d "$directory" ] || return 0 ;; esac
  done
  return 1
}

# The plan judged, by what it saw, whether another version may be installed over the data. This checks that nothing changed
# since: somebody may have installed or started something, and a repository may offer something else.
is_as_planned() { # -|no-data|data=[VERSION] [PACKAGE=VERSION]...
  over=$1
  shift
  there=$(broker_package)
  case $over in
    -) return 0 ;;
    no-data)
      ! holds_data || fail "a broker's data has come to this host since the plan was made, so its package stays as it is" \
        "run the same command again: it checks again"
      ;;
    *)
      [ "$there" = "${over#data=}" ] ||
        fail "the plan was made over rabbitmq-server ${over#data=}, and ${there:-none} is installed now, so it stays as it is" \
          "run the same command again: it checks again"
      for choice in "$@"; do
        case $choice in
          rabbitmq-server=*)
            [ -z "$there" ] || is_at_least "${choice#*=}" "$there" ||
              fail "rabbitmq-server $there would go back to ${choice#*=} over its data, so it stays as it is" "ask for a newer version"
            ;;
          rabbitmq-server)
            fail "which rabbitmq-server comes over the data is not said, so it stays as it is" "run the same command again: it checks again"
            ;;
        esac
      done
      ;;
  esac
}

# Whether a broker is installed, and older than that; its version is in $version then.
broker_is_older_than() { # VERSION
  version=$(broker_package)
  [ -n "$version" ] && ! is_at_least "$version" "$1"
}
