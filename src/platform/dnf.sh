# shellcheck shell=sh disable=SC2034,SC2154 # packages.sh reads package_locks; dnf_failures.sh has unread_options and unread_told

dnf=dnf
command -v dnf >/dev/null 2>&1 || dnf=yum

# dnf's output goes to this file: where it is a connection that breaks, dnf 4 writes "Failure" into its history although rpm
# completes the transaction, and the lock's file stays.
dnf_log=/run/rabbitup.dnf
# The packages that a transaction of ours is changing, as `NAME VERSION`. rpm has no state for a package whose files were
# unpacked only in part: this file tells that a transaction was cut off. It survives a power failure, and counts until the
# package is installed again.
unfinished=/var/lib/dnf/rabbitup-unfinished

# dnf's locks, and rpm's. dnf's contain the number of a process.
package_locks="numbered /var/lib/dnf/rpmdb_lock.pid the package database
numbered /var/cache/dnf/metadata_lock.pid the package lists
numbered /var/cache/dnf/download_lock.pid the directory of downloaded packages
numbered /var/log/log_lock.pid the log of dnf
locked /var/lib/rpm/.rpm.lock the package database
locked /usr/lib/sysimage/rpm/.rpm.lock the package database"

# Whether what dnf printed last matches.
dnf_said() { # PATTERN
  printf '%s\n' "$said" | grep -Eq "$1"
}

# Whether dnf failed because another process holds a lock: dnf's own (exit code 200 with exit_on_lock) or rpm's.
is_locked() { # EXIT-CODE
  [ "$1" = 200 ] || dnf_said "can't create transaction lock|Failed to obtain the transaction lock"
}

# Runs dnf, which itself would wait for a lock without a limit. A repository that does not answer is left out: with EL's defaults it
# fails every command, also for packages of others. Once left out, it is off for the rest of the step, since each command would try it
# again, four times 30 s (`timeout` in dnf.conf(5)). SIGTERM lets rpm complete its transaction; SIGKILL, which leaves two versions in
# rpm's database, comes much later.
run_dnf() { # SECONDS ARGUMENT...
  in_turn try_dnf "$@" || ended=$?
  printf '%s\n' "$said"
  return "$ended"
}

try_dnf() { # SECONDS ARGUMENT...
  within "$1"
  shift
  code=0
  # shellcheck disable=SC2086 # within sets limit, dnf_keys.sh key_options: one word per line
  timeout -k 600 "$limit" "$dnf" -y --setopt=exit_on_lock=1 '--setopt=*.skip_if_unavailable=1' $key_options $unread_options "$@" \
    >"$dnf_log" 2>&1 </dev/null || code=$?
  said=$(cat "$dnf_log")
  rm -f "$dnf_log"
  note_left_out
  return "$code"
}

# A unit with a failed condition is not started, neither by a package's script nor by systemd after a crash. The condition
# names this process, so a killed run does not prevent a service from starting. Masking would.
guard=rabbitup-install.conf

forbid_start() { # UNIT...
  [ $# -gt 0 ] || return 0
  for unit in "$@"; do
    mkdir -p "/run/systemd/system/$unit.service.d"
    printf '# rabbitup: not started while it installs\n[Unit]\nConditionPathExists=!/proc/%s\n' "$$" \
      >"/run/systemd/system/$unit.service.d/$guard"
  done
  bounded 60 systemctl daemon-reload
}

allow_start() {
  forget_keys
  found=
  for file in /run/systemd/system/*.service.d/"$guard"; do
    [ -e "$file" ] || continue
    rm -f "$file"
    rmdir "${file%/*}" 2>/dev/null || :
    found=yes
  done
  [ -z "$found" ] || bounded 60 systemctl daemon-reload
}

# Removes what an interrupted run left.
remove_stale_policy() { allow_start; }

# Metadata is small, so a server has 10 s for it instead of 30, four times for each repository: on a host without a way out there may be
# half a dozen, one after the other. A timeout that the operator has set counts.
metadata_timeout() {
  grep -qs '^ *timeout *=' /etc/dnf/dnf.conf || printf '%s\n' --setopt=timeout=10
}

# Once per script: an upgrade does it while the broker still serves. It also finds the repositories that do not answer.
refresh_lists() {
  [ "${refreshed:-}" != yes ] || return 0
  accept_keys
  echo "fetching the metadata of the repositories"
  # shellcheck disable=SC2046 # one word, or none
  run_dnf 600 $(metadata_timeout) makecache || lists_failed
  refreshed=yes
}

# The versions of a package in rpm's database, the one installed last first. Two of them: a transaction was cut off between
# the new version and the removal of the old one.
versions_of() { # PACKAGE
  rpm -q --qf '%{INSTALLTIME} %{EVR}\n' "$1" 2>/dev/null | sed -n 's/^\([0-9]\{1,\} \)/\1/p' | sort -rn | cut -d ' ' -f 2
}

# What a transaction of ours was changing when it was cut off, as `NAME VERSION`; nothing if another one has changed that package
# since then.
cut_off() {
  [ -e "$unfinished" ] || return 0
  began=$(stat -c %Y "$unfinished")
  while read -r name version; do
    changed=$(rpm -q --qf '%{INSTALLTIME}\n' "$name" | sort -rn | head -n 1)
    case $changed in '' | *[!0-9]*) changed=0 ;; esac
    [ "$changed" -ge "$began" ] || printf '%s %s\n' "$name" "$version"
  done <"$unfinished"
}

# The broker's package: the version that a transaction was installing, else the installed one; nothing where there is none.
broker_package() {
  begun=$(cut_off | sed -n 's/^rabbitmq-server //p' | head -n 1)
  if [ -n "$begun" ]; then printf '%s\n' "$begun"; else versions_of rabbitmq-server | head -n 1; fi
}

# Whether the first version is the second one, or newer, by rpm's own rules.
is_at_least() { # VERSION VERSION
  case $1$2 in *[!A-Za-z0-9.:~^+_-]*) return 1 ;; esac
  [ "$(rpm --eval "%{lua: print(rpm.vercmp(\"$1\", \"$2\"))}")" -ge 0 ]
}

# A transaction that was killed between the new version and the removal of the old one left both in rpm's database. `dnf install`
# and `dnf upgrade` say "Nothing to do" then, and exit 0.
end_interrupted_rpm() { # NAME...
  for name in "$@"; do
    [ "$(versions_of "$name" | wc -l)" -gt 1 ] || continue
    accept_keys
    echo "a transaction was interrupted on this host: two versions of $name are installed; it is completed first"
    run_dnf 900 remove --duplicates || :
    return 0
  done
}

# The names and versions as dnf writes them: NAME-VERSION.
as_specs() { # PACKAGE[=VERSION]...
  for choice in "$@"; do
    case $choice in
      *=*) printf '%s-%s\n' "${choice%%=*}" "${choice#*=}" ;;
      *) printf '%s\n' "$choice" ;;
    esac
  done
}

names_of() { # PACKAGE[=VERSION]...
  for choice in "$@"; do printf '%s\n' "${choice%%=*}"; done
}

# Downloads what an installation needs, without installing it.
fetch_packages() { # PACKAGE[=VERSION]...
  accept_keys
  # dnf 5 does not download packages that are locked at another version.
  ! is_dnf5 || [ -z "$(held_packages)" ] || return 0
  echo "downloading the packages"
  # shellcheck disable=SC2046 # one word per line, none with a space
  run_dnf 900 $(past_locks) --setopt=install_weak_deps=0 --downloadonly install $(as_specs "$@") || packages_failed "$@"
}

# One transaction for everything. Modified configuration files are kept: rpm writes the new one beside them.
# Without --allowerasing, with which it is never called, `dnf install` removes nothing, so REMOVALS are not read.
install_packages() { # UNITS-HELD-BACK(space separated) REMOVALS KEYS(space separated) -|no-data|data=[VERSION] PACKAGE[=VERSION]...
  # shellcheck disable=SC2034 # dnf_keys.sh reads accepted_keys
  held_back=$1 accepted_keys=$3 beneath=$4
  shift 4
  is_as_planned "$beneath" "$@"
  note_holds
  refresh_lists
  accept_keys
  # Also forgets the keys.
  trap 'allow_start; restore_holds' EXIT
  # shellcheck disable=SC2086 # a list of unit names, none with a space
  forbid_start $held_back
  # shellcheck disable=SC2046 # one name per line
  end_interrupted_rpm $(names_of "$@")
  # All that takes long and may fail before anything is changed.
  fetch_packages "$@"
  earlier=$(cut_off)
  # Those with a version; a pattern is only installed where there is no data.
  for choice in "$@"; do printf '%s %s\n' "${choice%%=*}" "${choice#*=}"; done | sed '/^\(.*\) \1$/d; /\*/d' >"$unfinished"
  begun_here=yes
  echo "installing the packages"
  # shellcheck disable=SC2046 # one word per line, none with a space
  run_dnf 1500 $(past_locks) --setopt=install_weak_deps=0 install $(as_specs "$@") || packages_failed "$@"
  are_installed "$@"
  rm -f "$unfinished"
  restore_holds
  [ -z "$unread_told" ] || told "installed without these repositories, which could not be read: $unread_told"
  allow_start
  trap - EXIT
}

# dnf's exit code 0 does not mean that the packages are installed.
are_installed() { # PACKAGE[=VERSION]...
  # shellcheck disable=SC2046 # one word per line
  for spec in $(as_specs "$@"); do
    case $spec in *'*'*) spec=${spec%%-[0-9]*} ;; esac
    rpm -q "$spec" >/dev/null 2>&1 || fail "$dnf reported success, but $spec is not installed" "on the host: $dnf install $spec; $dnf check"
  done
}

# Our own change of a locked package bypasses the lock, which is set again at the new version. In dnf 5 versionlock is no plugin:
# there the lock is removed for the transaction.
past_locks() {
  if is_dnf5; then
    # shellcheck disable=SC2046 # a list of names
    [ -z "$(held_packages)" ] || timeout 60 "$dnf" -y '--disablerepo=*' versionlock delete $(held_packages) >/dev/null 2>&1 || :
  else
    printf '%s\n' --disableplugin=versionlock --disableexcludes=main
  fi
}

is_dnf5() {
  case $(readlink -f "$(command -v "$dnf")") in *5) return 0 ;; *) return 1 ;; esac
}

# Holds packages at their installed version by dnf's versionlock. It is a plugin, and not part of a minimal installation. It loads the
# metadata of all repositories that are on, and needs none.
hold_packages() { # hold|unhold PACKAGE...
  verb=$1
  shift
  if ! is_dnf5 && ! timeout 60 "$dnf" '--disablerepo=*' versionlock list >/dev/null 2>&1; then
    refresh_lists
    run_dnf 600 install python3-dnf-plugin-versionlock && plugin=yes || plugin=no
    forget_keys
    [ "$plugin" = yes ] ||
      fail "the versions cannot be held: $dnf's versionlock plugin could not be installed" \
        "on the host: $dnf install python3-dnf-plugin-versionlock; or leave out [package] hold"
  fi
  run_dnf 60 '--disablerepo=*' versionlock delete "$@" || :
  [ "$verb" = hold ] || return 0
  run_dnf 60 '--disablerepo=*' versionlock add "$@"
}

# Whether each of these packages is locked at the version that is installed; in dnf 5, whose file has a table per package, whether
# it is locked at all.
are_held() { # PACKAGE...
  for name in "$@"; do
    if is_dnf5; then
      case " $(held_packages)" in *" $name "*) continue ;; esac
      return 1
    fi
    grep -qsxF "$(rpm -q --qf '%{NAME}-%{EPOCHNUM}:%{VERSION}-%{RELEASE}.*' "$name")" /etc/dnf/plugins/versionlock.list || return 1
  done
}

# As `NAME` and a space each.
held_packages() {
  for name in rabbitmq-server erlang; do
    if grep -qs "^$name-[0-9]*:\{0,1\}[0-9]" /etc/dnf/plugins/versionlock.list ||
      grep -qs "^name *= *\"$name\"" /etc/dnf/versionlock.toml; then
      printf '%s ' "$name"
    fi
  done
}
