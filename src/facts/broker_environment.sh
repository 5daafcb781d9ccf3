# shellcheck shell=sh
# With what the unit starts the broker: systemd's Environment= and EnvironmentFile=, then the environment file as user rabbitmq's
# shell evaluates it, by the rules of RabbitMQ's own scripts (scripts/rabbitmq-env; rabbit_env:load_conf_env_file/1 and
# get_prefixed_env_var/1 in deps/rabbit_common): a file's assignment replaces the unit's, and a name with RABBITMQ_ before it
# counts before the same name without.

# The variables that decide what a node is called, where its data is, what it reads, and who may connect to it.
# shellcheck disable=SC2034 # the inner shell's argument
broker_variables='NODENAME USE_LONGNAME MNESIA_BASE MNESIA_DIR QUORUM_DIR STREAM_DIR CONFIG_FILE CONFIG_FILES ADVANCED_CONFIG_FILE
ENABLED_PLUGINS ENABLED_PLUGINS_FILE PLUGINS_DIR NODE_PORT NODE_IP_ADDRESS DIST_PORT LOG LOG_BASE LOGS ERLANG_COOKIE SERVER_ERL_ARGS
SERVER_ADDITIONAL_ERL_ARGS SERVER_START_ARGS CTL_ERL_ARGS'
# Those of the system and of Erlang, which have no prefix.
# shellcheck disable=SC2034 # the inner shell's argument
plain_variables='HOME ERL_EPMD_PORT ERL_EPMD_ADDRESS ERL_INETRC'

# Runs as user rabbitmq: sh -c TEXT sh VARIABLES PLAIN-VARIABLES FILE. Without its last line the file could not be evaluated. The defaults are those
# that RabbitMQ sets for the file.
# shellcheck disable=SC2016 # the inner shell's variables
evaluate_environment='
rabbitup_variables=$1 rabbitup_plain=$2 rabbitup_file=$3
rabbitup_print() {
  eval "rabbitup_set=\${$1+set} rabbitup_value=\${$1-}"
  [ -z "$rabbitup_set" ] || printf "%s=%s\n" "$1" "$rabbitup_value"
}
rabbitup_main() {
  set +efux
  unset IFS
  for rabbitup_name in $rabbitup_variables; do
    rabbitup_print "RABBITMQ_$rabbitup_name"
    rabbitup_print "$rabbitup_name"
  done
  for rabbitup_name in $rabbitup_plain; do rabbitup_print "$rabbitup_name"; done
  # rabbit_prelaunch_conf: find_actual_main_config_file/1, find_additional_config_files/1, find_actual_advanced_config_file/1.
  main=${RABBITMQ_CONFIG_FILE:-$CONFIG_FILE}
  if [ -f "$main" ]; then
    case $main in
      *.conf) echo "main new $main" ;;
      *.config) echo "main old $main" ;;
      *) case $(grep -v "^[[:space:]]*\(%.*\)\{0,1\}$" "$main" | head -n 1) in "["*) echo "main old $main" ;; *) echo "main new $main" ;; esac ;;
    esac
  elif [ -f "$main.config" ]; then
    echo "main old $main.config"
  elif [ -f "$main.conf" ]; then
    echo "main new $main.conf"
  else
    echo "main none $main.conf"
  fi
  more=${RABBITMQ_CONFIG_FILES:-${CONFIG_FILES:-/etc/rabbitmq/conf.d/*.conf}} found=0
  [ ! -d "$more" ] || more="$more/*"
  for file in $more; do
    [ -f "$file" ] || continue
    found=$((found + 1))
    [ $found -gt 64 ] || echo "additional $file"
  done
  advanced=${RABBITMQ_ADVANCED_CONFIG_FILE:-$ADVANCED_CONFIG_FILE}
  [ ! -f "$advanced" ] || echo "advanced $advanced"
  echo end
}
SYS_PREFIX="" RABBITMQ_HOME=/usr/lib/rabbitmq CONF_ENV_FILE_PHASE=rabbitmq-env
CONFIG_FILE=${CONFIG_FILE:-/etc/rabbitmq/rabbitmq} ADVANCED_CONFIG_FILE=${ADVANCED_CONFIG_FILE:-/etc/rabbitmq/advanced.config}
MNESIA_BASE=${MNESIA_BASE:-/var/lib/rabbitmq/mnesia} ENABLED_PLUGINS_FILE=${ENABLED_PLUGINS_FILE:-/etc/rabbitmq/enabled_plugins}
[ ! -f "$rabbitup_file" ] || . "$rabbitup_file" >/dev/null 2>&1 </dev/null || :
rabbitup_main'

# The words of systemd's Environment= property, one assignment per line; those with spaces are in quotes there.
assignments() {
  sed 's/"\([^"]*\)"/\n"\1\n/g' | while IFS= read -r part; do
    case $part in
      '"'*) printf '%s\n' "${part#?}" ;;
      *) printf '%s\n' "$part" | tr ' ' '\n' ;;
    esac
  done
}

# Sets $unit_settings (`NAME=VALUE` per line), $unit_files (those that may set them, the last one wins) and $unit_limit.
read_unit() {
  shown=$(timeout -k 5 5 systemctl show -p Environment -p EnvironmentFiles -p FragmentPath -p DropInPaths -p LimitNOFILE rabbitmq-server) || shown=
  # shellcheck disable=SC2034 # read where the facts are printed
  unit_limit=$(printf '%s\n' "$shown" | sed -n 's/^LimitNOFILE=//p')
  environment_files=$(printf '%s\n' "$shown" | sed -n 's/^EnvironmentFiles=\(\/.*\) (.*)$/\1/p')
  unit_files=$(printf '%s\n' "$shown" | sed -n 's/^FragmentPath=//p; s/^DropInPaths=//p' | tr ' ' '\n')
  unit_settings=$(
    {
      printf '%s\n' "$shown" | sed -n 's/^Environment=//p' | assignments
      printf '%s\n' "$environment_files" | while IFS= read -r from; do
        [ ! -f "$from" ] || head -c 65536 "$from" | sed -n "s/^[[:space:]]*\([A-Za-z_][A-Za-z0-9_]*\)=[\"']\{0,1\}\([^\"']*\)[\"']\{0,1\}[[:space:]]*$/\1=\2/p"
      done
    } | grep -E '^(RABBITMQ_[A-Z_]*|[A-Z_]*)=' | grep -Ev '^(PATH|IFS|LC_ALL|LANG|SHELL|USER|LOGNAME|PWD|ENV|BASH_ENV)='
  ) || unit_settings=
  # shellcheck disable=SC2034 # read where the facts are printed
  unit_files="$unit_files
$environment_files"
}

# value_of NAME: its value in $value, from $evaluated; empty if it is not set.
value_of() {
  value='' unprefixed=''
  while IFS= read -r assignment; do
    case $assignment in
      "RABBITMQ_$1="?*) value=${assignment#*=} && break ;;
      "$1="?*) [ -n "$unprefixed" ] || unprefixed=${assignment#*=} ;;
    esac
  done <<EOF
$evaluated
EOF
  [ -n "$value" ] || value=$unprefixed
}

# Sets $evaluated, $environment_file, $data_base, where nodes have their data directories, and $data_dir, if a node's has another
# name; it is empty by default. So are $quorum_dir and $stream_dir, for replicas that are not in the data directory.
read_environment() {
  read_unit
  # shellcheck disable=SC2154 # evaluated is set here
  evaluated=$unit_settings
  value_of CONF_ENV_FILE
  environment_file=${value:-/etc/rabbitmq/rabbitmq-env.conf}
  evaluated=$(
    # One argument per line.
    IFS='
'
    set -f
    # shellcheck disable=SC2086
    as_rabbitmq 5 env $unit_settings sh -c "$evaluate_environment" sh "$broker_variables" "$plain_variables" "$environment_file" 2>/dev/null </dev/null |
      head -c 65536
  )
  value_of MNESIA_BASE
  case $value in /*) data_base=${value%/} ;; *) data_base=/var/lib/rabbitmq/mnesia ;; esac
  value_of MNESIA_DIR
  case $value in /*) data_dir=${value%/} ;; *) data_dir='' ;; esac
  value_of QUORUM_DIR
  # shellcheck disable=SC2034 # read by the probe
  case $value in /*) quorum_dir=${value%/} ;; *) quorum_dir='' ;; esac
  value_of STREAM_DIR
  # shellcheck disable=SC2034 # read by the probe
  case $value in /*) stream_dir=${value%/} ;; *) stream_dir='' ;; esac
}

# Where data is moved aside: beside the data, so that it stays on its file system.
kept_base() {
  case $data_base in
    /var/lib/rabbitmq/mnesia) echo /var/lib/rabbitmq/rabbitup-kept ;;
    *) printf '%s\n' "$data_base/rabbitup-kept" ;;
  esac
}

# data_of NODE: its data directory.
data_of() { printf '%s\n' "${data_dir:-$data_base/$1}"; }
