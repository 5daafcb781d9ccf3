# shellcheck shell=sh

# A cookie is staged in a separate home directory: a command with that home uses the new cookie, while the
# old one is still where RabbitMQ's own tools look.
staged_home=/var/lib/rabbitmq/.rabbitup-cookie

stage_cookie() { # MD5 COOKIE
  # The one that it will replace.
  may_be_placed /var/lib/rabbitmq/.erlang.cookie
  # As rabbitmq: root would follow a link in its home.
  as_rabbitmq 10 install -d -m 0700 "$staged_home" || not_written "$staged_home/.erlang.cookie"
  put_cookie "$staged_home" "$@"
}

# The MD5 of a cookie file as Erlang reads it: without trailing line ends.
cookie_md5() { # FILE
  # shellcheck disable=SC2016 # the inner shell's arguments
  held=$(as_rabbitmq 5 sh -c '[ -f "$1" ] && [ -r "$1" ] && head -c 4096 "$1" | tr -d "\r\n" | md5sum' sh "$1") || held=unreadable
  printf '%s\n' "${held%% *}"
}

# Whether there is a cookie, in a regular file that the broker can read.
has_cookie() { # HOME
  # shellcheck disable=SC2016 # the inner shell's arguments
  as_rabbitmq 5 sh -c '[ -f "$1" ] && [ ! -L "$1" ] && [ -r "$1" ] && [ -s "$1" ]' sh "$1/.erlang.cookie"
}

# The MD5 of the running node's cookie, queried with the cookie in HOME.
running_md5() { # NODE MODE HOME
  # shellcheck disable=SC2034 # read by as_rabbitmq
  cookie_home=$3
  ask running_cookie "$1" "$2"
}

# The node reads the cookie itself, and keeps its links.
take_cookie() { # NODE MODE HOME FILE
  # shellcheck disable=SC2034 # read by as_rabbitmq
  cookie_home=$3
  ask take_cookie "$1" "$2" "File = \"$4\","
}

# It has no VM, and none was overlooked because epmd is down.
is_down() { # NODE
  name_is_free "$1" && ! systemctl -q is-active rabbitmq-server
}

switch_cookie() { # NODE MODE staged|file
  node=$1 mode=$2
  case $3 in
    staged) old=/var/lib/rabbitmq new=$staged_home ;;
    *) old=$staged_home new=/var/lib/rabbitmq ;;
  esac
  has_cookie "$new" || fail "there is no cookie in $new that user rabbitmq can read"
  wanted=$(cookie_md5 "$new/.erlang.cookie")
  # A node that has stopped meanwhile reads its file at its start, and that file is changed next.
  if is_down "$node"; then
    printf '%s does not run\n' "$node"
    return 0
  fi
  # An earlier run may have been interrupted right after this.
  if [ "$(running_md5 "$node" "$mode" "$new")" = "$wanted" ]; then return 0; fi
  # If both files are the same, the old home may not exist.
  has_cookie "$old" || old=$new
  before=$(links_of "$node" "$mode" "$old") || :
  answer=$(take_cookie "$node" "$mode" "$old" "$new/.erlang.cookie") ||
    fail "$node does not accept its old cookie, so it could not get the new one ($answer)" \
      "nothing was changed on this host; rabbitup status shows which cookie it runs with"
  [ "$(running_md5 "$node" "$mode" "$new")" = "$wanted" ] ||
    fail "$node did not accept the new cookie (its answer: $answer)"
  after=$(links_of "$node" "$mode" "$new") || :
  printf 'links before: %s; after: %s\n' "$before" "$after"
}

links_of() { # NODE MODE HOME
  # shellcheck disable=SC2034 # read by as_rabbitmq
  cookie_home=$3
  ask links "$1" "$2"
}

# Renaming within one file system is atomic: there is always one complete cookie.
adopt_cookie() { # NODE MODE
  node=$1 mode=$2
  if has_cookie "$staged_home"; then
    wanted=$(cookie_md5 "$staged_home/.erlang.cookie")
    if ! is_down "$node" && [ "$(running_md5 "$node" "$mode" "$staged_home")" != "$wanted" ]; then
      fail "$node does not run with the staged cookie, so its file keeps the old one" "run the same command again"
    fi
    # The file changes here: a node that is booting now has read the previous one (runs_on_old_files).
    # As rabbitmq, which owns both directories: root touches nothing that could be swapped there.
    # shellcheck disable=SC2016 # the inner shell's arguments
    as_rabbitmq 60 sh -ec 'touch -c "$1/.erlang.cookie"; mv -f -T "$1/.erlang.cookie" /var/lib/rabbitmq/.erlang.cookie; rm -rf "$1"' \
      sh "$staged_home" || not_written /var/lib/rabbitmq/.erlang.cookie
  fi
  is_down "$node" || [ "$(running_md5 "$node" "$mode" /var/lib/rabbitmq)" = "$(cookie_md5 /var/lib/rabbitmq/.erlang.cookie)" ] ||
    fail "$node runs with a cookie other than the one in its file" "run the same command again"
}

# The cookie of a running node must not be lost, and the staged file may be its only copy: it is removed only if the node
# accepts the cookie in its file.
drop_staged_cookie() { # NODE MODE
  in_file=$(cookie_md5 /var/lib/rabbitmq/.erlang.cookie)
  if has_cookie "$staged_home" && ! is_down "$1" &&
    [ "$in_file" != "$(cookie_md5 "$staged_home/.erlang.cookie")" ] &&
    [ "$(running_md5 "$1" "$2" /var/lib/rabbitmq)" != "$in_file" ]; then
    fail "$1 does not accept the cookie in its file, so the staged one was not removed" "rabbitup run rotate-cookie completes the rotation; back=yes reverts it"
  fi
  as_rabbitmq 60 rm -rf "$staged_home" || not_written "$staged_home/.erlang.cookie"
}
