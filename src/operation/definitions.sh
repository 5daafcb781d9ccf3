# shellcheck shell=sh

# rabbitmqctl reads definitions only from a file. They contain password hashes, so only rabbitmq can read the file, which
# is removed at the end.
import() { # NODE MD5 CONTENT
  # In /run, which belongs to root and is volatile: a power failure removes it.
  directory=$(mktemp -d /run/rabbitup-import.XXXXXXXX)
  trap 'rm -rf "$directory"' EXIT
  printf %s "$3" >"$directory/definitions.json"
  written=$(md5sum <"$directory/definitions.json")
  [ "${written%% *}" = "$2" ] ||
    fail "the definitions differ from those in the plan" "make a new plan: rabbitup plan"
  # Readable but not writable for it: root stays the owner.
  chgrp -R rabbitmq "$directory"
  chmod -R u=rwX,g=rX,o= "$directory"
  control 300 "$1" import_definitions "$directory/definitions.json" ||
    fail "RabbitMQ refused the definitions" "its error is in the lines above"
}

# The mark is a global runtime parameter: the cluster itself stores which definitions were imported.
import_definitions() { # NODE MD5 CONTENT
  import "$@"
  control 60 "$1" set_global_parameter rabbitup_definitions "\"$2\""
}

# The password arrives hashed, as definitions of one user: rabbitmqctl add_user reads it from a terminal or an argument,
# and on 4.0 hangs on a pipe.
# The tag is set last: without it the next plan does not count the user as administrator and repeats all of this. A user with the
# tag but without permissions would look complete.
put_admin() { # NODE MD5 DEFINITIONS USER
  import "$1" "$2" "$3"
  # For every existing virtual host: otherwise the administrator sees an empty management UI.
  vhosts=$(control 60 "$1" --silent list_vhosts name) ||
    fail "$1 did not list its virtual hosts, so $4 has no permissions in them yet" "run the same command again"
  # rabbitmqctl reads its standard input, which would be the rest of the virtual hosts.
  printf '%s\n' "$vhosts" | while IFS= read -r vhost; do
    control 60 "$1" set_permissions -p "$vhost" "$4" '.*' '.*' '.*' </dev/null
  done
  control 60 "$1" set_user_tags "$4" administrator
}

# Without a password no client can log in as guest; what it owns and its permissions stay. So do open connections.
close_guest() { # NODE MODE
  control 60 "$1" clear_password guest || fail "$1 did not remove guest's password" "RabbitMQ's error is in the lines above"
  await 10 says refused guest_login "$1" "$2" ||
    fail "guest can still log in with its well-known password on $1 (RabbitMQ's answer: ${answer:-none})" "on $1: rabbitmqctl list_users"
}
