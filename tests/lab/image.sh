# shellcheck shell=bash
# What the images of every release have in common. Part of each recipe.

# Units that cost boot time, or hold a lock at a time of their own, and that nobody looks at in a throw-away host. The time services are the
# product's own business, so only the one that a container can never run is masked.
MASKED_UNITS="systemd-networkd-wait-online.service systemd-timesyncd.service systemd-logind.service
  console-getty.service getty.target getty@tty1.service sshd-keygen.service e2scrub_reap.service
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer dnf-makecache.timer e2scrub_all.timer fstrim.timer
  systemd-tmpfiles-clean.timer systemd-update-utmp.service systemd-update-utmp-runlevel.service
  systemd-journal-catalog-update.service ldconfig.service systemd-update-done.service
  systemd-network-generator.service systemd-machine-id-commit.service"

# The Debian mirror that this machine itself uses; empty lets mmdebstrap take its own default.
lab_mirror() {
  if [ -n "${LAB_MIRROR:-}" ]; then echo "$LAB_MIRROR"; return; fi
  { cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list /etc/apt/sources.list 2>/dev/null || true; } |
    awk '{ for (i = 1; i <= NF; i++) if (!found && $i ~ /^https?:\/\/.*\/debian\/?$/) { print $i; found = 1 } }'
}

# image_versions SUITE OLD: "DIRECTORY VERSION" a line. `next` offers the broker's next patch release, for tests that change the
# version; `other` an older series, and a newer one that no single step leads to, for tests that are refused them.
image_versions() {
  echo "next ${2%.*}.$((${2##*.} + 1))"
  case $1 in
    bullseye) printf 'other %s\n' 3.7.28 3.10.8 ;;
    bookworm | el9) printf 'other %s\n' 3.9.27 4.0.5 ;;
    trixie) printf 'other %s\n' 3.13.7 4.3.6 ;;
    forky) printf 'other %s\n' 4.2.1 5.9.0 ;;
  esac
}

# image_dress ROOT: what makes a root file system a lab host's: somebody to log in as, no unit that is in the way, an address.
image_dress() {
  local root=$1 unit
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
}

# image_renumber TREE OLD NEW: makes an unpacked broker of version OLD give the number NEW wherever it is asked for its own.
# Behind the number it is the real one, so data of it are data of OLD.
image_renumber() {
  local tree=$1 old=$2 new=$3 was=${2//./\\.} path
  # Up to 3.8 plugins are archives; RabbitMQ takes a directory as well.
  find "$tree/usr/lib/rabbitmq" -name "*-$old.ez" | while read -r path; do
    unzip -q "$path" -d "${path%/*}"
    rm "$path"
  done
  sed -i "s/{vsn, *\"${was}\"}/{vsn, \"$new\"}/" "$tree"/usr/lib/rabbitmq/lib/*/plugins/*-"$old"/ebin/*.app
  # From 4.3 on there is no rabbitmqadmin in the package.
  find "$tree/usr" \( -name rabbitmq-script-wrapper -o -name rabbitmqadmin \) -type f -exec sed -i "s/$was/$new/g" {} +
  find "$tree" -type l -lname "*-$old/*" | while read -r path; do
    ln -sfn "$(readlink "$path" | sed "s/-$was/-$new/")" "$path"
  done
  find "$tree" -depth -type d -name "*-$old" | while read -r path; do mv "$path" "${path%"$old"}$new"; done
}
