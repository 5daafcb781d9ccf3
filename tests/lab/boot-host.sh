#!/bin/bash
# Becomes the container of one host. Runs in a mount namespace of its own (see hosts.sh).
#   boot-host.sh HOST_DIR, with LAB_GROUP, LAB_MACHINE and LAB_BRIDGE set
set -euo pipefail
dir=$1 root=$1/root
lab=$(cd "$dir/../.." && pwd)

mkdir "$LAB_GROUP/boot"
echo $$ >"$LAB_GROUP/boot/cgroup.procs"

# systemd in the hosts wants the unified hierarchy, even where this machine still shows the old ones.
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
group=/sys/fs/cgroup/$(basename "$LAB_GROUP")

# A throw-away disk need not reach the disk: `volatile` ignores fsync, which dpkg loves. Its marker
# has to go before the next mount, since only a crash of this machine could have lost anything.
rm -rf "$dir/work/work"
layers="lowerdir=$(paste -sd: "$dir/lower"),upperdir=$dir/upper,workdir=$dir/work"
mount -t overlay overlay -o "$layers,volatile" "$root" || mount -t overlay overlay -o "$layers" "$root"

if [ -f "$dir/fresh" ]; then
  name=$(basename "$dir")
  echo "fresh-$name" >"$root/etc/hostname"
  # As the installer writes it: Debian's names the host, EL's leaves that to nss-myhostname.
  if [ -f "$root/etc/redhat-release" ]; then
    printf '%s\n' '127.0.0.1   localhost localhost.localdomain localhost4 localhost4.localdomain4' \
      '::1         localhost localhost.localdomain localhost6 localhost6.localdomain6'
  else
    printf '%s\n' $'127.0.0.1\tlocalhost' $'127.0.1.1\t'"fresh-$name" '' \
      '# The following lines are desirable for IPv6 capable hosts' \
      '::1     localhost ip6-localhost ip6-loopback' 'ff02::1 ip6-allnodes' 'ff02::2 ip6-allrouters'
  fi >"$root/etc/hosts"
  tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
  cp "$dir"/key/ssh_host_* "$root/etc/ssh/"
  variant=$(cat "$dir/variant")
  [ "$variant" = doas ] || rm -f "$root/usr/bin/doas"
  home=home/ops
  case $variant in
    ops) echo 'ops ALL=(ALL) NOPASSWD:ALL' ;;
    password) echo 'ops ALL=(ALL) ALL' ;;
  esac >"$root/etc/sudoers.d/ops"
  chmod 440 "$root/etc/sudoers.d/ops"
  case $variant in
    doas)
      rm -f "$root/usr/bin/sudo"
      echo 'permit nopass ops' >"$root/etc/doas.conf"
      chmod 600 "$root/etc/doas.conf"
      ;;
    root)
      rm -f "$root/usr/bin/sudo"
      chroot "$root" userdel --remove ops 2>/dev/null
      home=root
      ;;
  esac
  cp "$lab/id.pub" "$root/$home/.ssh/authorized_keys"
  chown --reference="$root/$home" "$root/$home/.ssh/authorized_keys"
  rm "$dir/fresh"
fi
echo "ADDRESS=$(cat "$dir/ip")" >"$root/etc/lab-network" # a snapshot may come up elsewhere

export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_NSPAWN_LOCK=0 SYSTEMD_NSPAWN_TMPFS_TMP=0
# Neither machined nor the unit that we run in has a say: the lab manages its own processes. That also
# makes a reboot ours to do: the container then ends with 133. Each run gets a control group of its own,
# since systemd-nspawn turns the one it finds itself in into an inner node, where no process may enter.
for ((run = 1; run <= 50; run++)); do
  ip link del "vb-$LAB_MACHINE" 2>/dev/null || true # the last run's, which the kernel takes its time to remove
  mkdir "$group/run$run"
  rc=0
  (
    echo "$BASHPID" >"$group/run$run/cgroup.procs"
    exec systemd-nspawn --quiet --boot --register=no --keep-unit --settings=no --machine="$LAB_MACHINE" \
      --directory="$root" --network-bridge="$LAB_BRIDGE" --link-journal=no --resolv-conf=off --timezone=off \
      --bind-ro="$(cat "$dir/repo")":/srv/repo
  ) || rc=$?
  [ $rc = 133 ] || exit $rc
done
