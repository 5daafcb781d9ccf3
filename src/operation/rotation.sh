# shellcheck shell=sh

# A cookie is staged as in a home directory of its own: whoever takes that for his home uses the new cookie, while the
# old one still is where RabbitMQ's own tools look.
staged_home=/var/lib/rabbitmq/.rabbitup-cookie

stage_cookie() { # MD5 COOKIE
  # The one that it will take the place of.
  may_be_placed /var/lib/rabbitmq/.erlang.cookie
  # As rabbitmq: root would follow a link that somebody puts into its home.
  as_rabbitmq 10 install -d -m 0700 "$staged_home" || not_written "$staged_home/.erlang.cookie"
  put_cookie "$staged_home" "$@"
}

# The MD5 of a cookie file as Erlang reads it: line ends at its end do not count.
cookie_md5() { # FILE
  # shellcheck disable=SC2016 # the inner shell's arguments
  held=$(as_rabbitmq 5 sh -c '[ -f "$1" ] && [ -r "$1" ] && head -c 4096 "$1" | tr -d "\r\n" | md5sum' sh "$1") || held=unreadable
  printf '%s\n' "${held%% *}"
}

# Whether there is a cookie, in a plain file that the broker can read.
has_cookie() { # HOME
  # shellcheck disable=SC2016 # the inner shell's arguments
  as_rabbitmq 5 sh -c '[ -f "$1" ] && [ ! -L "$1" ] && [ -r "$1" ] && [ -s "$1" ]' sh "$1/.erlang.cookie"
}

# The MD5 of the cookie that the running node holds, asked with the cookie in HOME.
running_md5() { # NODE MODE HOME
  # shellcheck disable=SC2034 # read by as_rabbitmq
  cookie_home=$3
  ask running_cookie "$1" "$2"
}

# The node reads the cookie itself, and drops no link.
take_cookie() { # NODE MODE HOME FILE
  # shellcheck disable=SC2034 # read by as_rabbitmq
  cookie_home=$3
  ask take_cookie "$1" "$2" "File = \"$4\","
}

# No VM of it is there, and none is missed because epmd is not.
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
  # One that has ended meanwhile reads its file when it starts, and that is next.
  if is_down "$node"; then
    printf '%s does not run\n' "$node"
    return 0
  fi
  # An earlier run may have been cut off right behind this.
  if [ "$(running_md5 "$node" "$mode" "$new")" = "$wanted" ]; then return 0; fi
  # Where both files are the same, the old home may be gone.
  has_cookie "$old" || old=$new
  before=$(links_of "$node" "$mode" "$old") || :
  answer=$(take_cookie "$node" "$mode" "$old" "$new/.erlang.cookie") ||
    fail "$node does not answer to the cookie that it had, so it could not take the new one ($answer)" \
      "nothing was changed on this host; rabbitup status shows which cookie it runs with"
  [ "$(running_md5 "$node" "$mode" "$new")" = "$wanted" ] ||
    fail "$node did not take the cookie (its answer: $answer)"
  after=$(links_of "$node" "$mode" "$new") || :
  printf 'links before: %s; after: %s\n' "$before" "$after"
}

links_of() { # NODE MODE HOME
  # shellcheck disable=SC2034 # read by as_rabbitmq
  cookie_home=$3
  ask links "$1" "$2"
}

# Renaming within one file system is atomic: at every moment there is one whole cookie.
adopt_cookie() { # NODE MODE
  node=$1 mode=$2
  if has_cookie "$staged_home"; then
    wanted=$(cookie_md5 "$staged_home/.erlang.cookie")
    if ! is_down "$node" && [ "$(running_md5 "$node" "$mode" "$staged_home")" != "$wanted" ]; then
      fail "$node has not taken the staged cookie, so the old one stays in its file" "run the same command again"
    fi
    # From now on it is new: a node that boots now has read the one before (boots_with_old_files).
    # As rabbitmq, in whose directories both are: what it swaps in there is none that root touches.
    # shellcheck disable=SC2016 # the inner shell's arguments
    as_rabbitmq 60 sh -ec 'touch -c "$1/.erlang.cookie"; mv -f -T "$1/.erlang.cookie" /var/lib/rabbitmq/.erlang.cookie; rm -rf "$1"' \
      sh "$staged_home" || not_written /var/lib/rabbitmq/.erlang.cookie
  fi
  is_down "$node" || [ "$(running_md5 "$node" "$mode" /var/lib/rabbitmq)" = "$(cookie_md5 /var/lib/rabbitmq/.erlang.cookie)" ] ||
    fail "$node runs with another cookie than its file holds now" "run the same command again"
}

# What a running node holds is never thrown away, and the staged file may be the only other copy: it goes where the node
# answers to the cookie of its file.
drop_staged_cookie() { # NODE MODE
  in_file=$(cookie_md5 /var/lib/rabbitmq/.erlang.cookie)
  if has_cookie "$staged_home" && ! is_down "$1" &&
    [ "$in_file" != "$(cookie_md5 "$staged_home/.erlang.cookie")" ] &&
    [ "$(running_md5 "$1" "$2" /var/lib/rabbitmq)" != "$in_file" ]; then
    fail "$1 does not answer to the cookie of its file, so the staged one is not removed" "rabbitup run rotate-cookie goes on, with back=yes it goes back"
  fi
  as_rabbitmq 60 rm -rf "$staged_home" || not_written "$staged_home/.erlang.cookie"
}
