#!/bin/bash
# Builds the image of a Debian release: DIR/root, its base root file system, and DIR/repo, the offline apt repositories.
#   debian.sh SUITE DIR, with LAB_PASSWORD set
set -euo pipefail
suite=$1 dir=$2 root=$2/root
# shellcheck source=image.sh
. "$(dirname "${BASH_SOURCE[0]}")/image.sh"

# What a fresh server has. python3 is there for the tools rabbitup is compared with; nftables for tests
# that put a firewall between hosts; opendoas for the hosts without sudo.
BASE_PACKAGES=systemd,systemd-sysv,dbus,openssh-server,sudo,opendoas,iproute2,iputils-ping,procps,netbase
BASE_PACKAGES+=,ca-certificates,adduser,hostname,python3,nftables

# What a host can install from the offline repository; the packages that these need come along.
REPO_PACKAGES="rabbitmq-server haproxy nginx libnginx-mod-stream chrony logrotate curl python3-apt sudo
  netcat-openbsd tcsh csh fish keepalived ufw"

# The packages for the repository are downloaded by the image's own apt, while it still knows the mirror: that resolves
# exactly the dependencies that a host on this image will lack.
bootstrap() {
  local mirror packages=$BASE_PACKAGES
  mirror=$(lab_mirror)
  # The same program under its older name.
  [ "$suite" != bullseye ] || packages=${packages/opendoas/doas}
  mkdir -p "$dir/repo"
  # shellcheck disable=SC2016  # the hooks expand $1 (the root) and the exported names, not this script
  LAB_REPO=$dir/repo LAB_PACKAGES=$(echo "$REPO_PACKAGES" | tr '\n' ' ') mmdebstrap \
    --variant=minbase --format=directory --mode=root --aptopt='Acquire::Check-Valid-Until "false"' \
    --include="$packages" \
    --customize-hook='chroot "$1" apt-get install -y --download-only --no-install-recommends $LAB_PACKAGES' \
    --customize-hook='cp "$1"/var/cache/apt/archives/*.deb "$LAB_REPO"' \
    "$suite" "$root" ${mirror:+"$mirror"}
}

# index DIR LABEL: makes a directory of packages one that apt can read.
index() (
  cd "$1" || exit
  apt-ftparchive packages . >Packages
  apt-ftparchive -o "APT::FTPArchive::Release::Label=$2" release . >Release
)

# The versions beside the one that apt chooses.
versions() {
  local old to new
  old=$(dpkg-deb -f "$dir"/repo/rabbitmq-server_*.deb Version)
  old=${old%%-*}
  while read -r to new; do version "$dir/repo/$to" "$old" "$new"; done < <(image_versions "$suite" "$old")
  for to in next other; do index "$dir/repo/$to" rabbitup-next; done
}

# version TO OLD NEW: a package in the directory TO.
version() {
  local to=$1 old=$2 new=$3 x=$dir/unpacked
  dpkg-deb -R "$dir"/repo/rabbitmq-server_*.deb "$x"
  sed -i "s/^Version: .*/Version: $new-1/" "$x/DEBIAN/control"
  image_renumber "$x" "$old" "$new"
  (cd "$x" && find . \( -path ./DEBIAN -o -path ./etc \) -prune -o -type f -printf '%P\0' |
    xargs -0 md5sum >DEBIAN/md5sums)
  mkdir -p "$to"
  dpkg-deb -Znone -b "$x" "$to"
  rm -rf "$x"
}

# Where a host's apt looks, and what it makes of that.
sources() {
  rm -rf "$root"/etc/apt/sources.list.d/* "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root"/etc/ssh/ssh_host_* \
    "$root"/var/lib/apt/lists/* "$root/etc/resolv.conf"
  mkdir -p "$root/srv/repo" "$root/var/lib/apt/lists/partial"
  printf 'deb [trusted=yes] file:%s ./\n' /srv/repo /srv/repo/next /srv/repo/other >"$root/etc/apt/sources.list"
  # Listed, to be had by its version, and never what apt would choose.
  printf '%s\n' 'Package: *' 'Pin: release l=rabbitup-next' 'Pin-Priority: 50' >"$root/etc/apt/preferences.d/next"
  : >"$root/etc/resolv.conf"
}

# chrony wants CAP_SYS_TIME, which a container lacks: let it run without touching the clock.
clock() {
  mkdir -p "$root/etc/systemd/system/chrony.service.d"
  cat >"$root/etc/systemd/system/chrony.service.d/lab.conf" <<'UNIT'
[Unit]
ConditionCapability=
[Service]
EnvironmentFile=
Environment="DAEMON_OPTS=-F 1 -x"
UNIT
}

bootstrap
index "$dir/repo" rabbitup-lab
versions
sources
image_dress "$root"
clock
