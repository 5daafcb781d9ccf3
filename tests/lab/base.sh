# shellcheck shell=bash
# The recipe of a lab host: the base root file system and the offline apt repositories of one suite.
# The cache is keyed by a digest of this very file, so whatever shapes the image belongs in here.

# What hosts can be: Debian 11 to 13, and testing, whose packages move: an image has what it offered on the day it was built.
SUITES="bullseye bookworm trixie forky"

# What a fresh server has. python3 is there for the tools rabbitup is compared with; nftables for tests
# that put a firewall between hosts; opendoas for the hosts without sudo.
BASE_PACKAGES=systemd,systemd-sysv,dbus,openssh-server,sudo,opendoas,iproute2,iputils-ping,procps,netbase
BASE_PACKAGES+=,ca-certificates,adduser,hostname,python3,nftables

# What a host can install from the offline repository; the packages that these need come along.
REPO_PACKAGES="rabbitmq-server haproxy nginx libnginx-mod-stream chrony logrotate curl python3-apt sudo
  netcat-openbsd"

# Units that cost boot time and that nobody looks at in a throw-away host. The time services are the
# product's own business, so only the one that a container can never run is masked.
MASKED_UNITS="systemd-networkd-wait-online.service systemd-timesyncd.service systemd-logind.service
  console-getty.service getty.target getty@tty1.service sshd-keygen.service e2scrub_reap.service
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer
  systemd-tmpfiles-clean.timer systemd-update-utmp.service systemd-update-utmp-runlevel.service
  systemd-journal-catalog-update.service ldconfig.service systemd-update-done.service
  systemd-network-generator.service systemd-machine-id-commit.service"

# The Debian mirror that this machine itself uses; empty lets mmdebstrap take its own default.
lab_mirror() {
  if [ -n "${LAB_MIRROR:-}" ]; then echo "$LAB_MIRROR"; return; fi
  { cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list /etc/apt/sources.list 2>/dev/null || true; } |
    awk '{ for (i = 1; i <= NF; i++) if (!found && $i ~ /^https?:\/\/.*\/debian\/?$/) { print $i; found = 1 } }'
}

# base_key SUITE: names the cached image.
base_key() { echo "$1-$({ cat "$LAB_SRC/base.sh"; echo "$1"; } | sha256sum | cut -c1-12)"; }

# base SUITE: builds the image unless it is cached. Two runs never build at once, and a killed build
# leaves nothing that looks like an image.
base() {
  local suite=$1 key
  case " $SUITES " in *" $suite "*) ;; *) die "unknown suite '$suite': one of $SUITES" ;; esac
  key=$(base_key "$suite")
  [ ! -d "$LAB_CACHE/$key" ] || return 0
  mkdir -p "$LAB_CACHE"
  (
    flock -w 1200 9 || die "another run has been building $suite for 20 minutes"
    [ ! -d "$LAB_CACHE/$key" ] || exit 0
    say "building the $suite image (some 20 s, once per machine)"
    rm -rf --one-file-system "$LAB_CACHE/$suite"-*.tmp
    base_build "$suite" "$LAB_CACHE/$key.tmp"
    mv "$LAB_CACHE/$key.tmp" "$LAB_CACHE/$key"
    base_prune "$suite" "$key"
  ) 9>"$LAB_CACHE/$suite.lock"
}

# base_build SUITE DIR: DIR/root is the file system, DIR/repo the apt repository.
base_build() {
  local suite=$1 dir=$2 root=$2/root mirror unit packages=$BASE_PACKAGES
  mirror=$(lab_mirror)
  # The same program under its older name.
  [ "$suite" != bullseye ] || packages=${packages/opendoas/doas}
  mkdir -p "$dir/repo"
  # The packages for the repository are downloaded by the image's own apt, while it still knows the
  # mirror: that resolves exactly the dependencies that a host on this image will lack.
  # The mount namespace makes a killed build leave files only.
  # shellcheck disable=SC2016  # the hooks expand $1 (the root) and the exported names, not this script
  LAB_REPO=$dir/repo LAB_PACKAGES=$(echo "$REPO_PACKAGES" | tr '\n' ' ') timeout -k 10 1100 \
    unshare --mount --propagation slave mmdebstrap \
    --variant=minbase --format=directory --mode=root --aptopt='Acquire::Check-Valid-Until "false"' \
    --include="$packages" \
    --customize-hook='chroot "$1" apt-get install -y --download-only --no-install-recommends $LAB_PACKAGES' \
    --customize-hook='cp "$1"/var/cache/apt/archives/*.deb "$LAB_REPO"' \
    "$suite" "$root" ${mirror:+"$mirror"} >"$LAB_CACHE/$suite.log" 2>&1 ||
    die "mmdebstrap failed; its last lines:
$(tail -n 20 "$LAB_CACHE/$suite.log")"
  base_index "$dir/repo" rabbitup-lab 2>>"$LAB_CACHE/$suite.log"
  base_versions "$suite" "$dir/repo" "$dir/unpacked" >>"$LAB_CACHE/$suite.log" 2>&1

  rm -rf "$root"/etc/apt/sources.list.d/* "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root"/etc/ssh/ssh_host_* \
    "$root"/var/lib/apt/lists/* "$root/etc/resolv.conf"
  mkdir -p "$root/srv/repo" "$root/var/lib/apt/lists/partial"
  printf 'deb [trusted=yes] file:%s ./\n' /srv/repo /srv/repo/next /srv/repo/other >"$root/etc/apt/sources.list"
  # Listed, to be had by its version, and never what apt would choose.
  printf '%s\n' 'Package: *' 'Pin: release l=rabbitup-next' 'Pin-Priority: 50' >"$root/etc/apt/preferences.d/next"
  : >"$root/etc/resolv.conf"

  chroot "$root" useradd --create-home --shell /bin/bash ops
  echo "ops:$LAB_PASSWORD" | chroot "$root" chpasswd
  install -d -m 700 "$root/root/.ssh" "$root/home/ops/.ssh"
  chroot "$root" chown ops:ops /home/ops/.ssh

  for unit in $MASKED_UNITS; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done
  # A plain unit sets the address: it is up sooner than a network daemon, and it does not take the
  # address away when a test plays with the link.
  cat >"$root/etc/systemd/system/lab-network.service" <<'UNIT'
[Unit]
Description=Address of a lab host
DefaultDependencies=no
Before=network.target sysinit.target
Wants=network.target
After=local-fs.target
[Service]
Type=oneshot
RemainAfterExit=yes
EnvironmentFile=/etc/lab-network
ExecStart=ip link set host0 up
ExecStart=ip addr replace ${ADDRESS}/24 dev host0
[Install]
WantedBy=sysinit.target
UNIT
  mkdir -p "$root/etc/systemd/system/sysinit.target.wants"
  ln -s ../lab-network.service "$root/etc/systemd/system/sysinit.target.wants/"
  # chrony wants CAP_SYS_TIME, which a container lacks: let it run without touching the clock.
  mkdir -p "$root/etc/systemd/system/chrony.service.d"
  cat >"$root/etc/systemd/system/chrony.service.d/lab.conf" <<'UNIT'
[Unit]
ConditionCapability=
[Service]
EnvironmentFile=
Environment="DAEMON_OPTS=-F 1 -x"
UNIT
}

# base_index DIR LABEL: makes a directory of packages one that apt can read.
base_index() (
  cd "$1" || exit
  apt-ftparchive packages . >Packages
  apt-ftparchive -o "APT::FTPArchive::Release::Label=$2" release . >Release
)

# base_versions SUITE REPO SCRATCH: REPO/next offers the broker's next patch release, for tests that change the version;
# REPO/other an older series, and a newer one that no single step leads to, for tests that are refused them.
base_versions() {
  local suite=$1 repo=$2 scratch=$3 old new
  old=$(dpkg-deb -f "$repo"/rabbitmq-server_*.deb Version)
  old=${old%%-*}
  base_version "$repo" "$scratch" next "$old" "${old%.*}.$((${old##*.} + 1))"
  case $suite in
    bullseye) set -- 3.7.28 3.10.8 ;;
    bookworm) set -- 3.9.27 4.0.5 ;;
    trixie) set -- 3.13.7 4.3.6 ;;
    forky) set -- 4.2.1 5.9.0 ;;
  esac
  for new in "$@"; do base_version "$repo" "$scratch" other "$old" "$new"; done
  base_index "$repo/next" rabbitup-next
  base_index "$repo/other" rabbitup-next
}

# base_version REPO SCRATCH DIRECTORY OLD NEW: the broker of version OLD that gives the number NEW wherever it is asked for
# its own. Behind the number it is the real one, so data of it are data of OLD.
base_version() {
  local repo=$1 x=$2 to=$1/$3 old=$4 new=$5 was=${4//./\\.} path
  dpkg-deb -R "$repo"/rabbitmq-server_*.deb "$x"
  sed -i "s/^Version: .*/Version: $new-1/" "$x/DEBIAN/control"
  # Up to 3.8 plugins are archives; RabbitMQ takes a directory as well.
  find "$x/usr/lib/rabbitmq" -name "*-$old.ez" | while read -r path; do
    unzip -q "$path" -d "${path%/*}"
    rm "$path"
  done
  sed -i "s/{vsn, *\"${was}\"}/{vsn, \"$new\"}/" "$x"/usr/lib/rabbitmq/lib/*/plugins/*-"$old"/ebin/*.app
  # From 4.3 on there is no rabbitmqadmin in the package.
  find "$x/usr" \( -name rabbitmq-script-wrapper -o -name rabbitmqadmin \) -type f -exec sed -i "s/$was/$new/g" {} +
  find "$x" -type l -lname "*-$old/*" | while read -r path; do
    ln -sfn "$(readlink "$path" | sed "s/-$was/-$new/")" "$path"
  done
  find "$x" -depth -type d -name "*-$old" | while read -r path; do mv "$path" "${path%"$old"}$new"; done
  (cd "$x" && find . \( -path ./DEBIAN -o -path ./etc \) -prune -o -type f -printf '%P\0' |
    xargs -0 md5sum >DEBIAN/md5sums)
  mkdir -p "$to"
  dpkg-deb -Znone -b "$x" "$to"
  rm -rf "$x"
}

# Between finding an image and standing on it a lab holds this lock, so that nobody removes the image.
base_hold() {
  mkdir -p "$LAB_CACHE"
  exec 8>>"$LAB_CACHE/hold.lock"
  flock -s -w 1200 8 || die "the image cache is locked"
}
base_release() { exec 8>&-; }

# base_prune SUITE [KEY]: removes the suite's images except KEY and those that a lab still stands on.
# With a lab just about to choose, the next build removes them.
base_prune() (
  exec 7>>"$LAB_CACHE/hold.lock"
  flock -x -n 7 || exit 0
  for dir in "$LAB_CACHE/$1"-*/; do
    dir=${dir%/}
    [ "$dir" != "$LAB_CACHE/${2:-}" ] || continue
    grep -qsF "$dir/root" "$LAB_ROOT"/*/hosts/*/lower "$LAB_ROOT"/*/snapshots/*/lower || rm -rf --one-file-system "$dir"
  done
)

lab_clean() {
  local suite
  [ -d "$LAB_CACHE" ] || return 0
  for suite in $SUITES; do
    base_prune "$suite"
    rm -f "$LAB_CACHE/$suite.log"
    [ -n "$(find "$LAB_CACHE" -maxdepth 1 -name "$suite-*" 2>/dev/null)" ] || rm -f "$LAB_CACHE/$suite.lock"
  done
  [ -n "$(find "$LAB_CACHE" -mindepth 1 -not -name hold.lock)" ] || rm -rf "$LAB_CACHE"
}
