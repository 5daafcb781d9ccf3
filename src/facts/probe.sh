# shellcheck shell=sh disable=SC2154,SC2034
# Collects all facts of this host in one run; script_head.sh comes before it, probe_broker.sh follows. The controller prepends its
# parameters as assignments, beside those of the head:
#   become       how the caller became root
#   names, candidates, units, files              one per line
#   packages_F, installable_F                   for each family F of packages: the names to look up, and those that may be installed
#   node, name_flag, node_erl                   the node to ask, -sname or -name, and what to ask
#   package_data, package_locks, package_pids   where package managers keep what they know, their locks, and files that contain
#                                               the process that holds one, one per line
#   selinux_booleans                            the names to look up, one per line
#   realm_sh                                    the text of broker_realm.sh
#   plugins                                     the names to look up, one per line
#   reach        "PEER ADDRESS PORT PURPOSE" per line
#   lb_port, runtime_socket                     a load balancer's AMQP port, and where it answers while it runs
#   address_check, vips                         keepalived's check, where load balancers share addresses, and those, one per line
# Whole-line comments and indentation are left out when it is sent.
now=$(date +%s%N)
echo "$nonce clock $now"
rabbit=/var/lib/rabbitmq
staged=/var/lib/rabbitmq/.rabbitup-cookie/.erlang.cookie
cookie=/var/lib/rabbitmq/.erlang.cookie
if [ -z "${become:-}" ]; then
  become=root
  [ -z "${SUDO_USER:-}" ] || become=sudo
  [ -z "${DOAS_USER:-}" ] || become=doas
fi
# candidates_of NAMES INSTALLABLE: in $wanted, one per line, the packages whose candidates matter: a version is requested, or a
# plan may install them and they are not installed. `is_installed NAME` is the family's.
candidates_of() {
  wanted=''
  for p in $1; do
    case $nl$candidates$nl in
      *"$nl$p$nl"*) ;;
      *)
        case $nl$2$nl in *"$nl$p$nl"*) ;; *) continue ;; esac
        ! is_installed "$p" || continue
        ;;
    esac
    wanted="$wanted${wanted:+$nl}$p"
  done
  [ -n "$wanted" ]
}
# target_over INSTALLED: which of the broker's versions on standard input a plan would install over that one, which is empty if there
# is none: the first that $broker_version accepts. Nothing if the installed one is as requested.
target_over() {
  { [ -z "$broker_version" ] || [ -z "$1" ] || ! accepts "$1"; } || return
  while read -r v; do
    ! accepts "$v" || break
    v=''
  done
  [ "$v" = "$1" ] || printf '%s\n' "$v"
}
# VersionSpec::accepts
accepts() { # VERSION
  v_head=${broker_version%%\**} v_bare=${1#*:}
  case $broker_version in
    '' | "$1" | "$v_bare" | "${v_bare%-*}") ;;
    *'*'*) case $nl$1$nl$v_bare in *"$nl$v_head"*) ;; *) return 1 ;; esac ;;
    *) return 1 ;;
  esac
}
# What the host's package family (platform/) reports of its packages, and what keeps services from starting.
packages() { section packages; }
start_guard() { :; }
# Untrusted text is printed by printf: the echo of some shells, such as dash, interprets backslashes.
# first FILE: its first line in $line, without a fork.
first() {
  line=''
  read -r line <"$1" || [ -n "$line" ]
}

system() {
  section system
  echo "become=$become"
  [ ! -d /run/systemd/system ] || echo systemd=yes
  # The boot time of the kernel: containers on one machine share it.
  while IFS=' ' read -r key value; do
    case $key in btime) echo "booted=$value"; break ;; esac
  done 2>/dev/null </proc/stat
  if first /proc/sys/kernel/arch; then echo "machine=$line"; else echo "machine=$(uname -m)"; fi
  first /proc/sys/kernel/hostname && echo "hostname=$line"
  first /etc/machine-id
  echo "identity=$line $(cat /proc/sys/kernel/random/boot_id) $(readlink /proc/1/ns/net)"
  while read -r line; do
    case $line in MemTotal:* | MemAvailable:*) echo "$line" ;; esac
    case $line in MemAvailable:*) break ;; esac
  done </proc/meminfo
  echo "disk=$(stat -f -c '%a %S' /var/lib)"
  start_guard
  seen=' '
  set +f
  # Running rabbitup scripts, whoever holds the lock now: a new run waits for those of the previous one.
  for f in /run/rabbitup-*.work; do
    if at_work "$f"; then echo "at_work=$worker"; fi
  done
  if lock_note; then printf 'owner=%s\t%s\n' "${now%?????????}" "$line"; fi
  for f in $files; do
    case $f in "$rabbit"/* | /etc/rabbitmq/*) continue ;; esac
    directory=${f%/*}
    case $seen in *" $directory "*) continue ;; esac
    seen="$seen$directory "
    set -- "$directory"/.rabbitup.????????*
    [ ! -e "$1" ] || echo "leftover=$directory"
  done
  set -f
  cloud_init
}

# Space and inodes where rabbitup, the package manager and the broker write: path, file system, free blocks, their size, free inodes, all
# inodes. Before that `ro PATH` if the file system is read-only.
storage() {
  section storage
  set --
  for f in /etc $package_data "$rabbit" "$data_base" $data_dir $quorum_dir $stream_dir /var/log /var/log/rabbitmq; do
    [ -d "$f" ] || continue
    set -- "$@" "$f"
    # Attribute i blocks root too, but does not mean that the file system is read-only.
    [ -w "$f" ] ||
      case ,$(limit 3 findmnt -n -o OPTIONS -T "$f" | tail -n 1), in *,ro,*) echo "ro $f" ;; esac
  done
  limit 3 stat -f -c '%n %i %a %S %d %c' -- "$@"
}

# Where nodes look for plugins, and the files of those that are asked for: NAME.ez, NAME-VERSION.ez, or a directory of that name.
plugin_files() {
  # An upgrade must not lose those that are enabled and not in the inventory.
  case $nl$candidates$nl in
    *"${nl}rabbitmq-server$nl"*)
      value_of ENABLED_PLUGINS_FILE
      plugins=$plugins$nl$(as_rabbitmq 5 head -c 65536 "${value:-/etc/rabbitmq/enabled_plugins}" | tr -cs 'A-Za-z0-9_' '\n')
      ;;
  esac
  [ -n "$plugins" ] || return
  section plugins
  set +f
  for directory in /usr/lib/rabbitmq/plugins /usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins; do
    [ -d "$directory" ] || continue
    printf 'directory=%s\n' "$directory"
    for p in $plugins; do
      for f in "$directory/$p" "$directory/$p.ez" "$directory/$p"-[0-9v]*; do
        [ ! -e "$f" ] || printf 'file=%s %s\n' "$p" "$f"
      done
    done
  done
  set -f
}

# One stat and one cat for all files. Links are followed. Files where user rabbitmq can write are inspected as that user, or as
# nobody if that user does not exist yet.
files() {
  section files
  theirs=
  set -- /etc/os-release
  [ ! -e /etc/hostname ] || set -- "$@" /etc/hostname
  for f in $files; do
    case $f in
      /etc/os-release | /etc/hostname) continue ;;
      "$rabbit"/* | /etc/rabbitmq/*) theirs="$theirs$f$nl" && continue ;;
    esac
    [ ! -h "$f" ] || printf 'link %s\t%s\n' "$f" "$(readlink "$f")"
    [ ! -e "$f" ] || set -- "$@" "$f"
  done
  for f in $package_locks; do
    [ ! -e "$f" ] || set -- "$@" "$f"
  done
  stats=$(stat -L -c 'stat %f %U %G %Y %s %i %n' -- "$@")
  printf '%s\n' "$stats"
  total=0 locks='' lock_files=''
  set --
  # "stat" is the first word; the third and fourth are the owners, the fifth the time.
  while IFS=' ' read -r _ kind _ _ _ size inode path; do
    case $nl$package_locks$nl in *"$nl$path$nl"*) locks="$locks${locks:+|}$inode" lock_files="$lock_files$inode $path$nl" && continue ;; esac
    case $path in
      /proc/* | /sys/*) ;;
      *)
        # 8000 is a regular file. Empty files are not read.
        case $kind in
          8???) [ "$size" -gt 262144 ] || [ "$size" = 0 ] || { set -- "$@" "$path" && total=$((total + size)); } ;;
        esac
        ;;
    esac
  done <<EOF
$stats
EOF
  if [ -d "$rabbit" ] || [ -d /etc/rabbitmq ]; then
    for f in $configuration $environment_file; do
      case $nl$theirs in *"$nl$f$nl"*) ;; *) theirs="$theirs$f$nl" ;; esac
    done
    # shellcheck disable=SC2086  # one argument per line is what IFS is set for
    as_rabbitmq 8 sh -c "$realm_sh" sh look "$rabbit" "$cookie" "$staged" "$data_base" "$data_dir" "$(kept_base)" "$node" "$quorum_dir" "$stream_dir" $theirs 3<&- |
      realm "$@"
  else
    echo "bytes 0$nl" | realm "$@"
  fi
}

# realm FILE...: the output of broker_realm.sh, each line in its section, then the contents of these files and of the following
# ones.
realm() {
  now=files guarded='' more=none
  while IFS= read -r line && [ -n "$line" ]; do
    case $line in
      'bytes '*[!0-9]*) ;;
      'bytes '*) more=${line#* } ;;
      'files link '* | 'files stat '* | 'files shared '* | 'files unreadable '* | 'system leftover='* | 'data '[a-z]*=*) say "$line" ;;
      'cookie unreadable' | 'staged unreadable') guarded="$guarded${line%% *} " ;;
      'cookie '[a-z]*=* | 'staged '[a-z]*=*) say "$line" ;;
    esac
  done
  case $guarded in *'cookie '*) guarded_cookie ;; esac
  # It did not finish: the content is unknown.
  [ "$more" != none ] || { section unseen && more=0; }
  echo "$nonce bytes $((total + more))"
  [ $# = 0 ] || cat -- "$@"
  [ "$more" = 0 ] || head -c "$more"
  echo
}
say() {
  [ "$now" = "${1%% *}" ] || { now=${1%% *} && section "$now"; }
  printf '%s\n' "${1#* }"
}

# Distinguishes lost data from an unmounted disk and from data in another location; broker_realm.sh inspects the files of user
# rabbitmq.
data_place() {
  section data
  while IFS=' 	' read -r what at _; do
    case $what:$at in
      '#'*) ;;
      *:/var | *:/var/lib | *:"$rabbit" | *:"$rabbit"/mnesia* | *:"$data_base" | *:"${data_base%/*}" | *:"${data_dir:-$data_base}" | *:"${quorum_dir:-$data_base}" | *:"${stream_dir:-$data_base}") mounted "$at" || printf 'unmounted=%s\n' "$at" ;;
    esac
  done </etc/fstab
  set +f
  for units_in in /etc/systemd/system /run/systemd/system /usr/lib/systemd/system; do
    for f in "$units_in"/var.mount "$units_in"/var-lib.mount "$units_in"/var-lib-rabbitmq*.mount; do
      [ -f "$f" ] || continue
      while read -r line; do
        case $line in Where=*) mounted "${line#Where=}" || printf 'unmounted=%s\n' "${line#Where=}" ;; esac
      done <"$f"
    done
  done
  set -f
}

# A cookie that user rabbitmq cannot read: `up` restores its owner, so its content matters.
guarded_cookie() {
  held=$(tail_as_root "$cookie" 4096 | md5sum) size=$(tail_as_root "$cookie" 4096 | wc -c)
  [ "$size" != 0 ] || return
  now=cookie && section cookie
  tail_as_root "$cookie" 4096 | sh -c "$realm_sh" sh shape "$((size))"
  echo "raw=${held%% *}"
}

# The holder of a lock that an installation needs, and the lock's file. /proc/locks: "1: POSIX  ADVISORY  WRITE 123 00:2a:4711 0 EOF";
# a line with an arrow is of a process that waits.
lock() {
  section lock
  pid=''
  for f in $package_pids; do
    first "$f"
    case $line in '' | *[!0-9]*) ;; *) [ ! -d "/proc/$line" ] || { pid=$line && break; } ;; esac
  done
  if [ -z "$pid" ]; then
    [ -n "$locks" ] || return
    held=$(grep -E -m 1 "^[^>]*:($locks) " /proc/locks) || return
    IFS=' ' read -r _ _ _ _ pid held _ <<EOF
$held
EOF
    f=${nl}$lock_files f=${f#*"$nl${held##*:} "} f=${f%%"$nl"*}
  fi
  printf '%s %s %s\n' "$pid" "$f" "$(tr '\0' ' ' <"/proc/$pid/cmdline")"
}

# All of it stands in files; without SELinux there is none.
selinux() {
  [ -r /sys/fs/selinux/enforce ] || return
  section selinux
  first /sys/fs/selinux/enforce
  echo "enforce=$line"
  [ "$line" = 1 ] || return
  for f in $selinux_booleans; do
    [ ! -r "/sys/fs/selinux/booleans/$f" ] || { first "/sys/fs/selinux/booleans/$f"; echo "boolean=$f $line"; }
  done
  set +f
  cat /var/lib/selinux/*/active/booleans.local | sed -n 's/^[a-z]/saved=&/p'
  cat /var/lib/selinux/*/active/ports.local | sed -n 's/^portcon/port=&/p'
  set -f
}

units() {
  section units
  unit_states=
  [ -n "$units" ] || return
  # shellcheck disable=SC2086  # one argument per line is what IFS is set for
  unit_states=$(limit 5 systemctl show -p Id,Names,LoadState,ActiveState,SubState,NRestarts,UnitFileState,StateChangeTimestamp -- $units)
  printf '%s\n' "$unit_states"
}

time_service() {
  section time
  for unit in chrony chronyd systemd-timesyncd ntpsec ntp ntpd openntpd; do
    # A unit's control group exists while it runs.
    [ -d "/sys/fs/cgroup/system.slice/$unit.service" ] ||
      [ -d "/sys/fs/cgroup/systemd/system.slice/$unit.service" ] || continue
    echo "running=$unit"
    case $unit in
      chrony*) echo "leap=$(limit 2 chronyc -n -c tracking)" ;;
      systemd-timesyncd) if [ -e /run/systemd/timesync/synchronized ]; then echo sync=yes; else echo sync=no; fi ;;
      openntpd) echo "openntpd=$(limit 2 ntpctl -s status)" ;;
      *) echo "ntpq=$(limit 2 ntpq -c 'rv 0 leap')" ;;
    esac
    break
  done
}

# One getent for all names, separated by addresses of 0.0.0.0/8, which resolve to themselves and so mark the answers of each name,
# even if a name has none. If the resolver hangs, each name is looked up separately.
resolve() {
  section resolve
  [ -n "$names" ] || return
  i=0
  set --
  for n in $names; do
    i=$((i + 1))
    set -- "$@" "0.0.$((i / 256)).$((i % 256))" "$n"
  done
  RES_OPTIONS='timeout:1 attempts:1' limit 3 getent ahosts "$@"
  [ $? = 124 ] || return
  while [ $# != 0 ]; do
    (found=$(limit 3 getent ahosts "$1" "$2"); printf '%s\n' "$found") &
    shift 2
  done
  wait
}

amqp() {
  if [ -z "$lb_port" ] || ! command -v bash >/dev/null; then return; fi
  section amqp
  # shellcheck disable=SC2016  # bash expands it
  limit 1 bash --norc -p -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "AMQP\0\0\11\1" >&3 &&
    head -c 11 <&3 | od -An -v -tx1' "$lb_port"
}

# The running node's connections and the balancer's own checks prove more than another attempt would: the former if nodes listen
# where this one does, the latter of the port that is checked.
reach() {
  section reach
  set --
  while IFS=' ' read -r peer address port purpose; do
    [ -n "$port" ] || continue
    case $purpose:$answer in
      epmd:*"\"link rabbit@$peer\""*) echo "$peer $port open" && continue ;;
      distribution:*"\"link rabbit@$peer\""*)
        case $answer in *'"listener clustering '*" $port\""*) echo "$peer $port open" && continue ;; esac
        ;;
    esac
    case $up in *" $peer:$port "*) echo "$peer $port open" && continue ;; esac
    set -- "$@" "$peer" "$address" "$port"
  done <<EOF
$reach
EOF
  if [ $# = 0 ] || ! command -v bash >/dev/null; then return; fi
  section tried
  # Each attempt is a fork of one bash; an attempt without a result when timeout kills them counts as filtered.
  # shellcheck disable=SC2016  # bash expands it
  limit 1 bash --norc -p -c '
    while [ $# != 0 ]; do
      (said=$(exec 2>&1 3<>"/dev/tcp/$2/$3") && said=open; echo "$1 $3 ${said##*: }") &
      shift 3
    done
    wait' bash "$@"
}
