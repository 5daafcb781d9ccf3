#!/bin/bash
# Builds the image of `el9`: DIR/root, a root file system that a provisioning tool takes for Enterprise Linux 9, and DIR/repo,
# its offline dnf repositories. rpm, dnf, signatures, scriptlets, systemd, sshd and sudo are real; the binaries in the packages
# are Debian 12's (README.md tells what that proves). The packages are built in the root file system itself, in /lab, which
# goes with Debian's tools at the end.
#   build.sh DIR, with LAB_PASSWORD set
set -euo pipefail
dir=$1 root=$1/root lab=$1/root/lab here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../image.sh
. "$here/../image.sh"

# What stays in the image, and the tools that build its packages.
BASE_PACKAGES=systemd,systemd-sysv,dbus,openssh-server,sudo,iproute2,iputils-ping,procps,netbase,ca-certificates,hostname
BASE_PACKAGES+=,python3,curl,gawk,logrotate,nftables,libnss-myhostname,selinux-utils,firewalld,gpg,gpg-agent
BASE_PACKAGES+=,dnf,dnf-plugins-core,rpm,createrepo-c
# What becomes RPMs; the libraries that these need stay in the image.
PACKED="rabbitmq-server haproxy nginx libnginx-mod-stream chrony keepalived"

in_image() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin HOME=/lab LC_ALL=C.UTF-8 "$@"; }
put() { install -D -m 644 "$here/files/$1" "$root$2"; }

bootstrap() {
  local mirror
  mirror=$(lab_mirror)
  # shellcheck disable=SC2016  # the hooks expand $1 (the root) and the exported name, not this script
  LAB_PACKED=$PACKED mmdebstrap --variant=minbase --format=directory --mode=root \
    --aptopt='Acquire::Check-Valid-Until "false"' --include="$BASE_PACKAGES" \
    --customize-hook='chroot "$1" apt-get clean; mkdir -p "$1/lab/debs"' \
    --customize-hook='chroot "$1" apt-get install -y --download-only --no-install-recommends $LAB_PACKED' \
    --customize-hook='mv "$1"/var/cache/apt/archives/*.deb "$1/lab/debs"' \
    bookworm "$root" ${mirror:+"$mirror"}
  cp -a "$here" "$lab/el9"
  put rpm-macros /etc/rpm/macros
}

# Debian's packages: unpacked in /lab/deb where they become RPMs, else installed.
unpack() {
  local deb name libraries=()
  mkdir -p "$lab/deb"
  for deb in "$lab"/debs/*.deb; do
    name=$(basename "${deb%%_*}")
    case $name in
      erlang-*) name=erlang ;;
      nginx*) name=nginx ;;
      rabbitmq-server | haproxy | chrony | keepalived | libnginx-mod-stream) ;;
      *) libraries+=("/lab/debs/$(basename "$deb")"); continue ;;
    esac
    dpkg-deb -x "$deb" "$lab/deb/$name"
  done
  in_image dpkg -i --force-depends "${libraries[@]}"
}

# upstream PACKAGE: its version without epoch, Debian's revision and additions.
upstream() {
  local version
  version=$(dpkg-deb -f "$lab/debs/$1"_*.deb Version)
  version=${version#*:}
  version=${version%-*}
  echo "${version%%[+~]*}"
}

# rpm_of SPEC REPOSITORY VERSION [OPTION...]
rpm_of() {
  in_image rpmbuild --load /lab/el9/macros -bb --define "_rpmdir /lab/repo/$2" --define "upstream $3" "${@:4}" "/lab/el9/$1.spec"
}

# broker REPOSITORY VERSION: like Debian's, under any number.
broker() {
  local old tree=$lab/broker
  old=$(upstream rabbitmq-server)
  cp -a "$lab/deb/rabbitmq-server" "$tree"
  [ "$2" = "$old" ] || image_renumber "$tree" "$old" "$2"
  rpm_of rabbitmq-server "$1" "$2" --define 'broker /lab/broker'
  rm -r "$tree"
}

packages() {
  local to version name
  mkdir -p "$lab"/repo/{appstream,rabbitmq,next,other}
  rpm_of erlang rabbitmq "$(upstream erlang-base)"
  broker rabbitmq "$(upstream rabbitmq-server)"
  while read -r to version; do broker "$to" "$version"; done < <(image_versions el9 "$(upstream rabbitmq-server)")
  rpm_of their-consumer other "$(upstream rabbitmq-server)"
  for name in haproxy nginx chrony keepalived; do rpm_of "$name" appstream "$(upstream "$name")"; done
  mkdir "$lab/versionlock"
  (cd "$root" && cp --parents -t lab/versionlock usr/lib/python3/dist-packages/dnf-plugins/versionlock.py etc/dnf/plugins/versionlock.*)
  rm "$root"/usr/lib/python3/dist-packages/dnf-plugins/versionlock.py "$root"/etc/dnf/plugins/versionlock.*
  rpm_of python3-dnf-plugin-versionlock appstream 4.3.1
}

# What the image came with, as packages without files: dependencies and `rpm -q` find it.
base_system() {
  in_image sh -c 'find /usr/lib/x86_64-linux-gnu -maxdepth 1 -name "*.so*" | /usr/lib/rpm/elfdeps --provides' |
    sort -u | sed 's/^/Provides: /' >"$lab/libraries"
  in_image rpmbuild --load /lab/el9/macros -bb --define '_rpmdir /lab/base' /lab/el9/base-system.spec
  in_image sh -c 'rpm --initdb && rpm -i /lab/base/*.rpm'
}

# Two throw-away keys, the distribution's and the vendor's, sign the packages and the metadata.
publish() {
  local repository key
  install -d -m 700 "$lab/.gnupg"
  for key in appstream rabbitmq; do
    in_image gpg -q --batch --passphrase '' --quick-gen-key "$key <$key@lab>" rsa3072 sign never
    in_image gpg -q --armor --export "$key@lab" >"$lab/repo/KEY-$key"
  done
  for repository in appstream rabbitmq next other; do
    key=rabbitmq
    [ $repository != appstream ] || key=appstream
    in_image sh -c "rpmsign --define '__gpg /usr/bin/gpg' --define '_gpg_name $key@lab' --addsign /lab/repo/$repository/*.rpm"
    in_image createrepo_c -q "/lab/repo/$repository"
    in_image gpg -q --batch --detach-sign --armor -u "$key@lab" "/lab/repo/$repository/repodata/repomd.xml"
  done
  mkdir -p "$root/etc/pki/rpm-gpg" "$root/srv/repo"
  cp "$lab/repo/KEY-appstream" "$root/etc/pki/rpm-gpg/RPM-GPG-KEY-lab"
  put lab.repo /etc/yum.repos.d/lab.repo
  put rabbitmq.repo /etc/yum.repos.d/rabbitmq.repo
  mv "$lab/repo" "$dir/repo"
}

# EL's look and defaults.
dress() {
  local units=$root/usr/lib/systemd/system
  put os-release /usr/lib/os-release
  echo 'Rocky Linux release 9.4 (Blue Onyx)' | tee "$root/etc/redhat-release" >"$root/etc/rocky-release"
  put dnf.conf /etc/dnf/dnf.conf
  put 80-el.preset /usr/lib/systemd/system-preset/80-el.preset
  install -m 440 "$here/files/sudoers" "$root/etc/sudoers"
  # What EL's sshd gives to everybody.
  echo 'PATH=/usr/local/bin:/usr/bin:/usr/local/sbin:/usr/sbin' >"$root/etc/environment"
  ln -sf bash "$root/usr/bin/sh"
  ln -s dnf "$root/usr/bin/yum"
  ln -sf useradd "$root/usr/sbin/adduser"
  rm -f "$root"/etc/systemd/system/{sshd.service,multi-user.target.wants/*,sockets.target.wants/ssh.socket}
  sed '/^Alias=/d' "$units/ssh.service" >"$units/sshd.service"
  rm "$units/ssh.service"
  in_image systemctl -q enable sshd
  # firewalld is there and off, as in most cloud images.
  rm -f "$root"/etc/systemd/system/{dbus-org.fedoraproject.FirewallD1,dbus-fi.*}.service
  # A container cannot set the clock: chronyd runs without touching it.
  put chronyd-lab.conf /etc/systemd/system/chronyd.service.d/lab.conf
  groupadd -R "$root" -r wheel
}

# Debian's tools go, and what built the packages.
undress() {
  local plugins=$root/usr/lib/python3/dist-packages/dnf-plugins
  # In EL these are packages of their own.
  rm -f "$plugins"/{local,leaves,show_leaves,post-transaction-actions,modulesync,system_upgrade}.py
  rm -rf "$lab" "$root"/etc/{apt,dpkg,debian_version,init.d,rc?.d,resolv.conf} "$root"/usr/lib/{apt,dpkg} \
    "$root"/var/lib/{apt,dpkg} "$root/var/cache/apt" "$root"/var/log/{apt,dpkg.log,dnf*} "$root"/etc/ssh/ssh_host_*
  rm -f "$root"/usr/bin/{apt,apt-*,dpkg,dpkg-*,deb-systemd-*,debconf*,update-alternatives,rpmbuild,rpmsign,createrepo_c} \
    "$root"/usr/sbin/{invoke-rc.d,update-rc.d,dpkg-*,addgroup,deluser,delgroup}
  : >"$root/etc/machine-id"
  : >"$root/etc/resolv.conf"
}

mkdir -p "$dir"
bootstrap
unpack
packages
base_system
publish
dress
image_dress "$root"
in_image usermod -aG wheel ops
undress
