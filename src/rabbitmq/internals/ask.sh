# shellcheck shell=sh
# How steps ask a node about RabbitMQ's internals. The questions are in src/rabbitmq/internals, and are passed as variables:
# erl_NAME its expressions, within_NAME how many seconds an answer may take, asks_NAME what follows "cannot be asked",
# by_hand_NAME the equivalent official command.

# Prints a node's answer, and returns 0. Returns 44, with a line that says what could not be asked and why, if this RabbitMQ does
# not support the question or its answer cannot be parsed, and no official command can replace it; asking again is useless.
# Returns 2, with the output, if the node does not answer now. No command that steps wait for exits with 44.
ask() { # QUESTION NODE short|long [BINDINGS]
  # QUESTION is one of rabbitup's own names.
  # shellcheck disable=SC2154 # the assignments of this eval
  eval "expressions=\$erl_$1 within=\$within_$1 asks=\$asks_$1 by_hand=\$by_hand_$1"
  expressions=$(printf %s "${4:-}$expressions" | sed 's/[\\"]/\\&/g')
  # shellcheck disable=SC2154 # untold_erl and ask_erl come before this file
  got=$(node_eval "$2" "$3" "$untold_erl
Expressions = \"$expressions.\",
$ask_erl" "$within") || { printf '%s\n' "$got"; return 2; }
  version='' words=''
  # rabbitmqctl wraps long output.
  compact=$(printf %s "$got" | tr -d '"[:space:]')
  case $compact in
    told:*) ! from_base64 "${compact#told:}" || return 0 ;;
    later:*) ! from_base64 "${compact#later:}" || return 2 ;;
    untold:*:*) version=$(from_base64 "${compact##*:}") && words=$(compact=${compact#untold:} && from_base64 "${compact%:*}") || words='' ;;
  esac
  [ -n "$words" ] || words="its answer cannot be read: $(printf %s "$got" | tr -c ' -~' '?' | cut -c 1-300)"
  cannot_be_told "$@"
}

# The equivalent official command takes a second or two; the step's output says that it was used.
cannot_be_told() { # QUESTION NODE short|long [BINDINGS]
  # shellcheck disable=SC2154 # ask has set asks and by_hand
  words="$2${version:+ (RabbitMQ $version)} cannot be asked $asks ($1): $words"
  if command -v "fallback_$1" >/dev/null; then
    # shellcheck disable=SC2154 # as above
    { printf '%s; used %s instead\n' "$words" "$by_hand" >&4; } 2>/dev/null || :
    asked=0
    said=$("fallback_$1" "$2" "$3" "${4:-}") || asked=$?
    [ "$asked" = 44 ] || { printf '%s\n' "$said"; return "$asked"; }
  fi
  printf '%s%s\n' "$words" "${by_hand:+; by hand: $by_hand}"
  return 44
}

# Prints nothing if the text is not Base64.
from_base64() { # TEXT
  text=$(printf %s "$1" | base64 -d 2>/dev/null) || return 1
  printf '%s\n' "$text"
}

# Whether the node's answer is WANTED; prints any other answer, for the caller's message.
says() { # WANTED QUESTION NODE MODE [BINDINGS]
  wanted=$1
  shift
  asked=0
  said=$(ask "$@") || asked=$?
  [ "$asked:$said" != "0:$wanted" ] || return 0
  printf '%s\n' "$said"
  [ "$asked" != 0 ] || return 1
  return "$asked"
}
