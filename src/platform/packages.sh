# shellcheck shell=sh
# What is common to all package managers. A family's file provides `broker_package` (the version of rabbitmq-server on this host,
# even if only partly installed) and `is_at_least VERSION VERSION`.

holds_data() {
  read_environment
  # shellcheck disable=SC2154 # read_environment sets them
  for directory in "$data_base"/*@*/ /var/lib/rabbitmq/mnesia/*@*/ ${data_dir:+"$data_dir"/}; do
    case $directory in *-plugins-expand/) ;; *) [ ! -d "$directory" ] || return 0 ;; esac
  done
  return 1
}

# The plan decided, from what it observed, whether another version may be installed over the data. This checks that it still
# holds: packages may have been installed or nodes started since, and a repository may offer other versions.
is_as_planned() { # -|no-data|data=[VERSION] [PACKAGE=VERSION]...
  over=$1
  shift
  there=$(broker_package)
  case $over in
    -) return 0 ;;
    no-data)
      ! holds_data || fail "this host has a broker's data that it did not have when the plan was made, so the package was not changed" \
        "run the same command again: it checks again"
      ;;
    *)
      planned=${over#data=}
      [ "$there" = "$planned" ] ||
        fail "the plan was made for rabbitmq-server ${planned:-(not installed)}, but ${there:-none} is installed now, so the package was not changed" \
          "run the same command again: it checks again"
      for choice in "$@"; do
        case $choice in
          rabbitmq-server=*)
            [ -z "$there" ] || is_at_least "${choice#*=}" "$there" ||
              fail "rabbitmq-server $there cannot be downgraded to ${choice#*=} over its data, so it was not changed" "request a newer version"
            ;;
          rabbitmq-server)
            fail "the plan names no version of rabbitmq-server for this data, so the package was not changed" "run the same command again: it checks again"
            ;;
        esac
      done
      ;;
  esac
}

# Whether a broker is installed and older than VERSION; its version is then in $version.
broker_is_older_than() { # VERSION
  version=$(broker_package)
  [ -n "$version" ] && ! is_at_least "$version" "$1"
}
