# shellcheck shell=sh
# shellcheck disable=SC2154 # workshop and backup come from place.sh

# The function that validates a new file, if a step needs more than a validator's name.
reader=

# Writes a file: a new one beside the old, validated there, then renamed over it, so that no process reads half a
# file, and a refused one changes nothing. The old file stays beside it, with the time in its name.
write_file() { # PATH MODE OWNER GROUP MD5 VALIDATOR THEN UNIT SOFTWARE PROOF CONTENT [NAME=ADDRESS[=FULL]...]
  path=$1 mode=$2 owner=$3 group=$4 digest=$5 validator=$6 then=$7 unit=$8 software=$9
  shift 9
  proof=$1
  shift
  enter_workshop "$path"
  make_new "$path" "$mode" "$owner" "$group" "$digest" "$1"
  new=new
  if [ -n "$reader" ]; then
    "$reader" "$path"
  elif [ -n "$validator" ]; then
    # Relative includes of a configuration are resolved beside it.
    new=../$workshop.conf
    mv -f -T new "$new" || not_written "$path"
    "${validator}_accepts" "${path%/*}/$workshop.conf" || fail "the new $path was refused (the lines above show why); the old one is still in place"
  fi
  was=there
  [ -e old ] || was=absent
  place "$new" "$path" backup
  [ -z "$proof" ] || put_on_trial "$path" "$was" "${backup:+${path%/*}/$backup}"
  leave_workshop
  after_change "$then" "$unit" "$software"
  shift
  check_names "$@"
}

chrony_accepts() { # FILE
  ! command -v chronyd >/dev/null || bounded 10 chronyd -p -f "$1" >/dev/null
}

after_change() { # THEN UNIT SOFTWARE
  case $1 in
    daemon-reload) bounded 60 systemctl daemon-reload ;;
    reload) ! systemctl -q is-active "$2" || reload_unit "$2" "$3" ;;
    restart) ! systemctl -q is-active "$2" || restart_unit "$2" ;;
    *) : ;;
  esac
}

# After a change of /etc/hosts: every name must resolve to its address, in the way that Erlang resolves names, and keep its full name
# (the canonical one, which `hostname -f` prints).
check_names() { # NAME=ADDRESS[=FULL]...
  for pair in "$@"; do
    name=${pair%%=*} address=${pair#*=} full=
    case $address in *=*) full=${address#*=} address=${address%%=*} ;; esac
    found=$(getent ahosts "$name" | { read -r first _ canonical _ && printf "%s %s" "$first" "$canonical"; }) || found=nothing
    [ "${found%% *}" = "$address" ] ||
      fail "$name resolves to ${found%% *} on this host, not to $address" \
        "check the line 'hosts:' of /etc/nsswitch.conf: 'files' must come first"
    [ -z "$full" ] || [ "${found#* }" = "$full" ] ||
      fail "the full name of $name is ${found#* } on this host, not $full" "check which line of /etc/hosts has $name first"
  done
}
