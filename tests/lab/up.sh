# shellcheck shell=bash
# `lab up`: makes hosts and boots them, all at once.

# `lab offers SUITE`: the version of rabbitmq-server that the image of the suite has.
lab_offers() {
  base "$1"
  case $1 in
    el9) find "$LAB_CACHE/$(base_key "$1")/repo/rabbitmq" -name '*.rpm' | sed -nE 's/.*\/rabbitmq-server-([0-9].*)\.noarch\.rpm$/\1/p' ;;
    *) dpkg-deb -f "$LAB_CACHE/$(base_key "$1")"/repo/rabbitmq-server_*.deb Version ;;
  esac
}

# One lab after the other: two that start together would both find the same subnet free.
claim_net() {
  [ ! -f "$LAB_DIR/net" ] || return 0
  mkdir -p "$LAB_CACHE" "$LAB_DIR/hosts" "$LAB_DIR/snapshots"
  exec 6>>"$LAB_CACHE/nets.lock"
  flock -w 60 6 || die "another lab has been looking for a subnet for a minute"
  use_net
  ! grep -qxsF "$X" "$LAB_ROOT"/*/net || die "another lab uses $SUBNET.0/24 (see: lab list); set LAB_NET"
  echo "$X" >"$LAB_DIR/net"
  exec 6>&-
}

# The unreachable route is for the moments without a bridge: nothing meant for a lab may leave the machine.
bridge_up() {
  [ -d "/sys/class/net/$BRIDGE" ] || ip link add "$BRIDGE" type bridge forward_delay 0
  ip addr replace "$SUBNET.1/24" dev "$BRIDGE"
  ip link set "$BRIDGE" up
  ip route replace unreachable "$SUBNET.0/24" metric 4096
  [ -f "$LAB_DIR/id" ] || ssh-keygen -q -t ed25519 -N '' -C "lab-$LAB_NAME" -f "$LAB_DIR/id"
}

# Each systemd takes some inotify instances of root's, whom all hosts of all labs share; with the kernel's 128 about
# twenty hosts boot, and the next one's systemd gives up ("Too many open files").
inotify_room() {
  local limit=/proc/sys/fs/inotify/max_user_instances wanted=1024
  [ "$(cat $limit)" -lt $wanted ] || return 0
  if { echo $wanted >$limit; } 2>/dev/null; then
    say "raised fs.inotify.max_user_instances to $wanted, for many hosts"
  else
    say "fs.inotify.max_user_instances is $(cat $limit) and cannot be raised: about twenty hosts can run at once"
  fi
}

# host_make SUITE NAME IP VARIANT SNAPSHOT
host_make() {
  local suite=$1 dir=$LAB_DIR/hosts/$2 ip=$3 variant=$4 snap=$LAB_DIR/snapshots/$5 other
  for other in $(host_names); do
    [ "$other" = "$2" ] || [ "$(cat "$LAB_DIR/hosts/$other/ip")" != "$ip" ] || die "$ip belongs to host $other"
  done
  [ ! -d "$dir" ] || host_remove "$dir"
  mkdir -p "$dir/root"
  if [ -n "$LAB_DISK_SIZE" ]; then
    # A disk of its own, which can be filled without harm to this machine's.
    mkdir "$dir/disk"
    mount -t tmpfs -o "size=$LAB_DISK_SIZE,nr_inodes=40000,mode=0755" rabbitup-lab "$dir/disk"
    mkdir "$dir"/disk/{upper,work}
    ln -s disk/upper disk/work "$dir/"
  else
    mkdir "$dir"/{upper,work}
  fi
  if [ -n "$5" ]; then
    [ -d "$snap" ] || die "no snapshot '$5' in lab $LAB_NAME"
    cp -a "$snap"/{key,lower,repo,variant} "$dir/"
  else
    echo "$LAB_CACHE/$(base_key "$suite")/root" >"$dir/lower"
    echo "$LAB_CACHE/$(base_key "$suite")/repo" >"$dir/repo"
    echo "$variant" >"$dir/variant"
    mkdir "$dir/key"
    ssh-keygen -q -t ed25519 -N '' -C "$2" -f "$dir/key/ssh_host_ed25519_key"
    touch "$dir/fresh" # boot-host.sh makes it the host it is to be
  fi
  echo "$ip" >"$dir/ip" # last: a directory with an address is a host
}

# Names and addresses both work as a destination; whoever reads the file needs nothing else.
ssh_settings() {
  local name dir user
  for name in $(host_names); do
    dir=$LAB_DIR/hosts/$name user=ops
    [ "$(cat "$dir/variant")" != root ] || user=root
    echo "$name,$(cat "$dir/ip") $(cut -d' ' -f1,2 "$dir/key/ssh_host_ed25519_key.pub")" >&3
    printf 'Host %s %s\n  HostName %s\n  User %s\n' "$name" "$(cat "$dir/ip")" "$(cat "$dir/ip")" "$user" >&4
  done 3>"$LAB_DIR/known_hosts" 4>"$LAB_DIR/ssh_config"
  cat >>"$LAB_DIR/ssh_config" <<C
Host *
  IdentityFile $LAB_DIR/id
  IdentitiesOnly yes
  UserKnownHostsFile $LAB_DIR/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
C
}

# spec_parse NAME=IP[:VARIANT][@SNAPSHOT]: sets spec_name, spec_ip, spec_variant and spec_snap.
spec_parse() {
  [[ $1 =~ ^([a-z][a-z0-9-]*)=($SUBNET\.[0-9]+)(:([a-z]+))?(@([a-z0-9.-]+))?$ ]] ||
    die "'$1' is not NAME=$SUBNET.N[:VARIANT][@SNAPSHOT]"
  spec_name=${BASH_REMATCH[1]} spec_ip=${BASH_REMATCH[2]}
  spec_variant=${BASH_REMATCH[4]:-ops} spec_snap=${BASH_REMATCH[6]}
  case $spec_variant in ops | root | password | doas) ;; *) die "unknown variant '$spec_variant'" ;; esac
}

lab_up() {
  local suite=$1 spec name pids=() names=() pid failed=0
  shift
  claim_net
  for spec in "$@"; do # before anything else is changed
    spec_parse "$spec"
    [ "$suite:$spec_variant" != el9:doas ] || die "there is no doas on el9: EL has none in its own repositories"
  done
  base "$suite" # may take its time and tidy up, so the lock is for the short second look
  base_hold
  base "$suite"
  bridge_up
  inotify_room
  for spec in "$@"; do
    spec_parse "$spec"
    host_make "$suite" "$spec_name" "$spec_ip" "$spec_variant" "$spec_snap"
    host_start "$LAB_DIR/hosts/$spec_name"
    names+=("$spec_name")
  done
  base_release
  ssh_settings
  for name in "${names[@]}"; do
    host_wait_ssh "$LAB_DIR/hosts/$name" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  return $failed
}
