# shellcheck shell=bash
# Running hosts: power, network, a way in, and their removal. A host is a directory in $LAB_DIR/hosts:
#   ip, variant, key      address, variant, directory of the ssh host key
#   lower                 the layers below, upper first (snapshots, then the image)
#   repo                  the offline package repositories
#   upper, work, root     what the host wrote; overlay work directory; mount point
#   disk                  where LAB_DISK_SIZE set its size: a file system in memory that holds upper and work
#   console.log           what systemd and systemd-nspawn said
# Overlay and cgroup mounts live in a mount namespace of the container's own, so they end with it,
# however it ends. All its processes are in one cgroup, which is how they are found and ended.

lab_base() { base "$1"; }

host_dir() {
  [ -f "$LAB_DIR/hosts/$1/ip" ] || die "no host '$1' in lab $LAB_NAME; it has: $(host_names | tr '\n' ' ')"
  echo "$LAB_DIR/hosts/$1"
}
host_names() { for d in "$LAB_DIR"/hosts/*/; do [ ! -f "$d/ip" ] || basename "$d"; done; }
# The name is short on purpose: it becomes a network interface's, and those end at 15 characters.
host_machine() { local ip; ip=$(cat "$1/ip"); echo "l$X-${ip##*.}"; }
host_cgroup() { echo "$CGROUPS/rabbitup-$LAB_NAME-$(basename "$1")"; }
host_running() { grep -qs '^populated 1' "$(host_cgroup "$1")/cgroup.events"; }

# host_leader DIR: process id, on this machine, of the host's init: the one that is process 1 one level down.
host_leader() {
  local pid
  while read -r pid; do
    if grep -qsE '^NSpid:[[:space:]]+[0-9]+[[:space:]]+1$' "/proc/$pid/status"; then echo "$pid"; return 0; fi
  done < <(find "$(host_cgroup "$1")" -name cgroup.procs -exec cat {} + 2>/dev/null)
  return 1
}

# host_wait_gone DIR TENTHS: true once no process of the host is left.
host_wait_gone() {
  local i
  for ((i = 0; i < $2; i++)); do
    host_running "$1" || return 0
    sleep 0.1
  done
  ! host_running "$1"
}

# host_kill DIR: like pulling the plug, and then picking up what a killed container leaves lying about.
host_kill() {
  local dir=$1 group machine
  group=$(host_cgroup "$dir")
  if [ -d "$group" ]; then
    echo 1 >"$group/cgroup.kill"
    host_wait_gone "$dir" 200 || die "processes of $(basename "$dir") survive a kill: $(cat "$group/cgroup.procs")"
    find "$group" -depth -type d -exec rmdir {} +
  fi
  [ -f "$dir/ip" ] || return 0
  machine=$(host_machine "$dir")
  # The interface goes away on its own only some time later, and the next boot would fail on it.
  ip link del "vb-$machine" 2>/dev/null || true
  rm -rf "/run/systemd/nspawn/propagate/$machine" "/run/systemd/nspawn/unix-export/$machine"
}

host_remove() {
  host_kill "$1"
  ! mountpoint -q "$1/disk" || umount -l "$1/disk"
  rm -rf --one-file-system "$1"
}

# host_start DIR: boots; the caller waits for ssh.
host_start() {
  local dir=$1 group
  group=$(host_cgroup "$dir")
  ! host_running "$dir" || die "$(basename "$dir") is running"
  host_kill "$dir"
  mkdir "$group"
  LAB_GROUP=$group LAB_MACHINE=$(host_machine "$dir") LAB_BRIDGE=$BRIDGE \
    setsid unshare --mount --propagation slave "$LAB_SRC/boot-host.sh" "$dir" >"$dir/console.log" 2>&1 </dev/null 8>&- 9>&- &
}

# host_wait_ssh DIR: until a login works. The cheap look at the port comes first: a login costs far more.
host_wait_ssh() {
  local dir=$1 ip banner end=$((SECONDS + 90))
  ip=$(cat "$dir/ip")
  while [ $SECONDS -lt $end ]; do
    if { exec 3<>"/dev/tcp/$ip/22" && read -r -t 2 banner <&3 && [[ $banner == SSH-* ]]; } 2>/dev/null &&
      ssh -F "$LAB_DIR/ssh_config" -o BatchMode=yes -o ConnectTimeout=2 "$ip" true </dev/null 2>"$dir/ssh.log"; then
      rm -f "$dir/ssh.log"
      return 0
    fi
    exec 3>&- || true
    sleep 0.1
  done
  die "$(basename "$dir") did not answer ssh within 90 s; its console and the last login said:
$(tail -n 15 "$dir/console.log"; cat "$dir/ssh.log" 2>/dev/null)"
}

lab_boot() {
  local dir
  dir=$(host_dir "$1")
  host_start "$dir"
  host_wait_ssh "$dir"
}

lab_kill() {
  local dir
  dir=$(host_dir "$1")
  host_kill "$dir"
}

# Taking the port off the bridge loses packets silently, as a real partition does; setting the link down
# would tell the host at once.
lab_cut() {
  local dir
  dir=$(host_dir "$1")
  ip link set "vb-$(host_machine "$dir")" nomaster
}
lab_heal() {
  local dir
  dir=$(host_dir "$1")
  ip link set "vb-$(host_machine "$dir")" master "$BRIDGE"
}

lab_ssh() {
  local dir
  dir=$(host_dir "$1")
  shift
  exec ssh -F "$LAB_DIR/ssh_config" "$(cat "$dir/ip")" "$@"
}

# Like ssh, the words become one line for the host's shell.
lab_root() {
  local dir leader
  dir=$(host_dir "$1")
  leader=$(host_leader "$dir") || die "$1 is not running"
  shift
  exec nsenter --target "$leader" --mount --uts --ipc --net --pid --cgroup --root \
    env -i --chdir=/ HOME=/root USER=root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    /bin/sh -c "$*"
}

# The disk becomes a read-only layer and the host goes on upon it, so neither this nor an `up` from the
# snapshot copies anything.
lab_snapshot() {
  local dir leader snap=$LAB_DIR/snapshots/$2
  dir=$(host_dir "$1")
  [[ $2 =~ ^[a-z0-9][a-z0-9.-]*$ ]] || die "'$2' is not a snapshot's name"
  [ ! -e "$snap" ] || die "there is a snapshot '$2' already"
  [ ! -d "$dir/disk" ] || die "$1 has a disk in memory (LAB_DISK_SIZE), of which no snapshot can be kept"
  if leader=$(host_leader "$dir"); then
    kill -s SIGRTMIN+4 "$leader"
    host_wait_gone "$dir" 600 || die "$1 did not power off within 60 s"
  fi
  host_kill "$dir"
  mkdir -p "$snap"
  cp -a "$dir/key" "$dir/variant" "$dir/repo" "$snap/"
  mv "$dir/upper" "$snap/layer"
  { echo "$snap/layer"; cat "$dir/lower"; } >"$snap/lower"
  cp "$snap/lower" "$dir/lower"
  mkdir "$dir/upper"
  rm -rf "$dir/work" && mkdir "$dir/work"
}

lab_rm() {
  local name
  for name in "$@"; do host_remove "$(host_dir "$name")"; done
}

lab_down() {
  local dir
  for dir in "$LAB_DIR"/hosts/*; do [ ! -d "$dir" ] || host_remove "$dir"; done
  if [ -f "$LAB_DIR/net" ]; then
    ip route del unreachable "$SUBNET.0/24" metric 4096 2>/dev/null || true
    ip link del "$BRIDGE" 2>/dev/null || true
  fi
  rm -rf --one-file-system "$LAB_DIR"
  rmdir "$LAB_ROOT" 2>/dev/null || true # the last lab takes the directory along
}

lab_status() {
  local name dir state
  for name in $(host_names); do
    dir=$LAB_DIR/hosts/$name
    state=stopped
    ! host_running "$dir" || state=running
    printf '%-12s %-15s %-9s %s\n' "$name" "$(cat "$dir/ip")" "$(cat "$dir/variant")" "$state"
  done
}

lab_net() {
  claim_net
  echo "$X"
}

lab_list() {
  local dir
  for dir in "$LAB_ROOT"/*/; do
    [ ! -f "$dir/net" ] || printf '%-12s 10.77.%s.0/24 %s hosts\n' "$(basename "$dir")" "$(cat "$dir/net")" \
      "$(find "$dir/hosts" -mindepth 1 -maxdepth 1 | wc -l)"
  done
}
