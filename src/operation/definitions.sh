# shellcheck shell=sh

# rabbitmqctl reads definitions from a file only. They hold password hashes, so nobody but rabbitmq can read the file, which
# is gone at the end.
import() { # NODE MD5 CONTENT
  # In root's own and volatile /run: it goes with a power cut.
  directory=$(mktemp -d /run/rabbitup-import.XXXXXXXX)
  trap 'rm -rf "$directory"' EXIT
  printf %s "$3" >"$directory/definitions.json"
  written=$(md5sum <"$directory/definitions.json")
  [ "${written%% *}" = "$2" ] ||
    fail "the definitions are not those that the plan was made for" "make a new plan: rabbitup plan"
  # To read and not to change: it stays root's.
  chgrp -R rabbitmq "$directory"
  chmod -R u=rwX,g=rX,o= "$directory"
  control 300 "$1" import_definitions "$directory/definitions.json" ||
    fail "RabbitMQ refused the definitions" "the lines above are its own words"
}

# The mark is a global runtime parameter: the cluster itself remembers what it was given.
import_definitions() { # NODE MD5 CONTENT
  import "$@"
  control 60 "$1" set_global_parameter rabbitup_definitions "\"$2\""
}

# The password arrives hashed, as definitions of one user: rabbitmqctl add_user takes it from a terminal or an argument,
# and on 4.0 waits for ever on a pipe.
# Its tag comes last: a user without it is no administrator for the next plan, which then does all of this again. One that had the
# tag and no permissions yet was taken for finished.
put_admin() { # NODE MD5 DEFINITIONS USER
  import "$1" "$2" "$3"
  # For every virtual host there is: an administrator who sees an empty management UI asks why.
  vhosts=$(control 60 "$1" --silent list_vhosts name) ||
    fail "$1 did not list its virtual hosts, so $4 has permissions in none of them yet" "run the same command again"
  printf '%s\n' "$vhosts" | while IFS= read -r vhost; do
    control 60 "$1" set_permissions -p "$vhost" "$4" '.*' '.*' '.*'
  done
  control 60 "$1" set_user_tags "$4" administrator
}

# Without a password nobody logs in as guest; what it owns and may do stays as it is. Connections that are open stay, too.
close_guest() { # NODE MODE
  control 60 "$1" clear_password guest || fail "$1 did not take guest's password away" "the lines above are RabbitMQ's own words"
  await 10 says refused guest_login "$1" "$2" ||
    fail "guest still logs in with its well-known password on $1 (RabbitMQ's answer: ${answer:-none})" "on $1: rabbitmqctl list_users"
}
