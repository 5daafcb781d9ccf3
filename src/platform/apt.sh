# shellcheck shell=sh disable=SC2030,SC2031,SC2034 # packages.sh reads package_locks; said in a subshell is not used after it

# A package mirror may accept connections and send nothing. apt times out after 30 s of silence, but for each file separately and
# four times each (Acquire::http::Timeout; Acquire::Retries since apt 2.3.2): with twenty packages that is forty minutes.

# The number of half seconds without a byte after which the mirror counts as silent.
silence=300
# The locks of apt, dpkg and the debconf of packages' scripts. apt itself waits for none of them (DPkg::Lock::Timeout is only for
# dpkg's, and others may have set it): each failure to get one is seen here, and waited out by `in_turn`.
package_locks="locked /var/lib/apt/lists/lock the package lists
locked /var/cache/apt/archives/lock the directory of downloaded packages
locked /var/lib/dpkg/lock-frontend the package database
locked /var/lib/dpkg/lock the package database
locked /var/cache/debconf/config.dat the database of debconf"
# What a command prints to standard error, which tells a lock from other failures; it is printed when the command has ended.
# shellcheck disable=SC2154 # nonce is set before prelude.sh
errors=/run/rabbitup-$nonce.errors

# apt's or dpkg's command, with its errors in $said.
saying() { # COMMAND...
  code=0
  "$@" 2>"$errors" || code=$?
  said=$(cat "$errors")
  rm -f "$errors"
  [ -z "$said" ] || printf '%s\n' "$said"
  return "$code"
}

# Whether what failed was locked out: by apt (apt-pkg's fileutl.cc and debsystem.cc), dpkg (its dbmodify.c) or debconf (its DirTree
# and File drivers).
is_locked() { # EXIT-CODE
  case $said in
    *'Could not get lock '* | *'lock was locked by another process'* | *'frontend is locked by another process'*) return 0 ;;
    *'is locked by another process: Resource temporarily unavailable'*) return 0 ;;
  esac
  return 1
}

# apt creates this file after all downloads, before it calls dpkg, which must not be killed (DPkg::Pre-Invoke in apt.conf(5)).
# shellcheck disable=SC2154 # nonce is set before prelude.sh
fetched=/run/rabbitup-$nonce.fetched

# Runs apt-get like `bounded`, and kills it if no data arrives. It does not use `bounded`, which in the background would be a
# separate shell: killing that shell would leave apt-get running.
fetching() { # SECONDS ARGUMENT...
  within "$1"
  shift
  rm -f "$fetched"
  # shellcheck disable=SC2154 # within sets limit
  timeout -k 10 "$limit" apt-get -o "DPkg::Pre-Invoke::=touch $fetched" -o Acquire::Retries=1 -o DPkg::Lock::Timeout=0 "$@" &
  getting=$! quiet=0 came=
  while kill -0 "$getting" 2>/dev/null && [ ! -e "$fetched" ]; do
    sleep 0.5
    now=$(du -s /var/cache/apt/archives /var/lib/apt/lists 2>/dev/null) || :
    if [ "$now" = "$came" ]; then quiet=$((quiet + 1)); else quiet=0 came=$now; fi
    if [ "$quiet" -ge "$silence" ]; then
      printf 'nothing has come for %s s, so apt-get is ended\n' $((silence / 2))
      kill "$getting" 2>/dev/null || :
      break
    fi
  done
  wait "$getting" && ended=0 || ended=$?
  rm -f "$fetched"
  return "$ended"
}

# Of the mirrors that apt-get would use with these arguments, prints each that does not answer, with apt's error;
# nothing if all of them answer, even with an error.
silent_mirrors() { # ARGUMENT...
  bounded 60 apt-get -q -y --print-uris "$@" 2>/dev/null | sed -n "s|^'\(https\{0,1\}://[^/']*\)\(/[^']*\)'.*|\1 \1\2|p" |
    sort -u -k 1,1 | head -n 4 | while read -r mirror address; do
    said=$(timeout 20 /usr/lib/apt/apt-helper -o Acquire::Retries=0 -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10 \
      download-file "$address" "$fetched" 2>&1) && answered=0 || answered=$?
    rm -f "$fetched"
    [ "$answered" != 124 ] || said="E: Failed to fetch $address  timed out after 20 s"
    case $answered:$said in
      # A mirror without the file also answers: "404  Not Found".
      0:* | *'  '[45][0-9][0-9]'  '*) ;;
      *) printf '%s does not answer (%s), ' "$mirror" "$(printf '%s\n' "$said" | sed -n "s|^E: Failed to fetch [^ ]*  *||p" | head -n 1)" ;;
    esac
  done
}

# Fails with the name of a silent mirror, if there is one.
blame_mirrors() { # WHAT ARGUMENT...
  what=$1
  shift
  silent=$(silent_mirrors "$@")
  [ -z "$silent" ] || fail "$what: the mirror ${silent%, }" \
    "check the mirror, or remove it from /etc/apt/sources.list and sources.list.d; then run the same command again"
}

# Debian's invoke-rc.d and deb-systemd-invoke run /usr/sbin/policy-rc.d before they start a service; exit code 101 forbids it
# (policy-rc.d's interface in sysvinit's README). Ours forbids only the named units, and only as long as
# this process lives: if it is killed at any time, no service is prevented from starting.
policy=/usr/sbin/policy-rc.d

forbid_start() { # UNIT...
  [ $# -gt 0 ] || return 0
  if [ -e "$policy" ]; then mv -f "$policy" "$policy.rabbitup-saved"; fi
  # In a subshell $$ is still the script's process, whose lifetime is the right one anyway.
  {
    printf '#!/bin/sh\n# rabbitup: prevents the first start of what it installs, while process %s lives\n' "$$"
    printf 'kill -0 %s 2>/dev/null || exit 0\n' "$$"
    # shellcheck disable=SC2016 # expanded by the written script, not by this one
    printf 'case ${1%%.service} in\n'
    for unit in "$@"; do printf '  %s) exit 101 ;;\n' "$unit"; done
    printf 'esac\n'
    printf '[ ! -x %s.rabbitup-saved ] || exec %s.rabbitup-saved "$@"\n' "$policy" "$policy"
    printf 'exit 0\n'
  } >"$policy"
  chmod 755 "$policy"
}

allow_start() {
  if [ -e "$policy.rabbitup-saved" ]; then
    mv -f "$policy.rabbitup-saved" "$policy"
  elif [ -e "$policy" ] && grep -q '^# rabbitup:' "$policy"; then
    rm -f "$policy"
  fi
}

# Removes what an interrupted run left.
remove_stale_policy() { allow_start; }

# Package lists older than an hour may contain versions that the mirror no longer has.
lists_are_fresh() {
  [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -mmin -60 2>/dev/null | head -n 1)" ]
}

# Once per script: an upgrade does it while the broker still serves.
refresh_lists() {
  if [ "${refreshed:-}" = yes ] || lists_are_fresh; then return 0; fi
  in_turn saying fetching 300 -q update || lists_failed
  refreshed=yes
}

lists_failed() {
  blame_holder "so the package lists were not fetched"
  blame_clock "the package lists could not be fetched"
  blame_mirrors "the package lists could not be fetched" update
  fail "the package lists could not be fetched" "on the host: apt-get update; check /etc/apt/sources.list and sources.list.d"
}

dpkg_was_interrupted() {
  [ -n "$(find /var/lib/dpkg/updates -type f -name '[0-9]*' 2>/dev/null | head -n 1)" ]
}

# After a power failure during a dpkg run, dpkg's records are not merged; apt then refuses everything ("dpkg
# was interrupted", in apt-pkg's debsystem.cc). A running dpkg uses the same directory, but its lock keeps this one
# out.
end_interrupted_dpkg() {
  dpkg_was_interrupted || return 0
  echo 'dpkg was interrupted on this host; first it ends what it had begun'
  in_turn saying bounded 900 dpkg --force-confdef --force-confold --configure -a || :
}

# The broker's package version according to dpkg, fully or partly installed; nothing if it was removed.
broker_package() {
  # shellcheck disable=SC2016 # dpkg-query expands it
  dpkg-query -W -f '${db:Status-Status} ${Version}\n' rabbitmq-server 2>/dev/null | while read -r status version; do
    case $status in not-installed | config-files) ;; *) printf '%s\n' "$version" ;; esac
  done
}

# Whether the first version is the second one, or newer.
is_at_least() { # VERSION VERSION
  dpkg --compare-versions "$1" ge "$2"
}

# apt is never called with --allow-downgrades, which would apply to every package. Without data, an older broker
# is installed after the newer one was removed.
make_way() { # no-data PACKAGE[=VERSION]...
  there=$(broker_package)
  if [ "$1" != no-data ] || [ -z "$there" ]; then return 0; fi
  shift
  for choice in "$@"; do
    case $choice in
      *'*'*) ;;
      rabbitmq-server=*)
        ! is_at_least "${choice#*=}" "$there" || continue
        for removal in $(removals_of remove rabbitmq-server); do
          [ "$removal" = rabbitmq-server ] ||
            fail "rabbitmq-server $there cannot be removed to install ${choice#*=}, because $removal needs it; nothing was changed" \
              "remove $removal first, or request a newer version"
        done
        in_turn saying fetching 600 -q -y --allow-change-held-packages -o Dpkg::Use-Pty=0 remove rabbitmq-server || {
          blame_holder "so nothing was changed"
          fail "rabbitmq-server $there could not be removed to install ${choice#*=}" "apt's error is in the lines above"
        }
        ;;
    esac
  done
}

# The packages that apt would remove, one per line. It takes no lock.
removals_of() { # install|remove PACKAGE[=VERSION]...
  bounded 60 apt-get -s -q -y --no-install-recommends --allow-change-held-packages "$@" 2>/dev/null |
    sed -n 's/^Remv \([^ ]*\).*/\1/p'
}

# What an installation may remove is in the plan, by name. $may_remove is the value of apt's APT::Get::Remove.
removes_as_planned() { # REMOVALS(space separated) PACKAGE[=VERSION]...
  planned=$1 may_remove=false
  shift
  [ -n "$planned" ] || return 0
  for removal in $(removals_of install "$@"); do
    case " $planned " in
      *" $removal "*) ;;
      *) fail "the installation of $* would also remove $removal, which the plan does not name, so nothing was changed" \
        "run the same command again: it makes a new plan" ;;
    esac
  done
  may_remove=true
}

# One transaction for everything. Modified configuration files are kept.
# A repository of apt names its key itself (signed-by), so KEYS are not read.
install_packages() { # UNITS-HELD-BACK(space separated) REMOVALS(likewise) KEYS -|no-data|data=[VERSION] PACKAGE[=VERSION]...
  held_back=$1 removals=$2 beneath=$4
  shift 4
  is_as_planned "$beneath" "$@"
  note_holds
  refresh_lists
  removes_as_planned "$removals" "$@"
  trap 'allow_start; restore_holds' EXIT
  # shellcheck disable=SC2086 # a list of unit names, none with a space
  forbid_start $held_back
  end_interrupted_dpkg
  make_way "$beneath" "$@"
  in_turn saying fetching 1500 -q -y --no-install-recommends --allow-change-held-packages -o "APT::Get::Remove=$may_remove" \
    -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
    install "$@" || packages_failed "$@"
  allow_start
  restore_holds
  trap - EXIT
}

packages_failed() { # PACKAGE[=VERSION]...
  blame_holder "so nothing was installed"
  blame_clock "the packages could not be fetched"
  case $said in
    *'remove is disabled'*)
      fail "the installation of $* would remove $(removals_of install "$@" | tr '\n' ' ' | sed 's/ $//; s/ /, /g'), so nothing was changed" \
        "on the host: apt-get -s install $* shows why; remove what is not needed, then run the same command again"
      ;;
  esac
  blame_mirrors "the packages could not be fetched" install "$@"
  for choice in "$@"; do
    package=${choice%%=*}
    if [ -z "$(apt-cache madison "$package" 2>/dev/null)" ]; then
      # An `apt-get update` without any answer only warns, and exits with 0.
      blame_mirrors "no package list contains $package" update
      fail "no repository of this host offers $package" \
        "add a repository that has it (RabbitMQ's own for recent versions), then run the same command again"
    fi
    case $choice in
      *=*)
        apt-cache madison "$package" | awk -F'|' '{gsub(/ /, "", $2); print "offered: " $2}' | head -n 5
        ;;
    esac
  done
  if [ -n "$(dpkg --audit 2>/dev/null)" ]; then
    fail "this host has half-configured packages" "run the same command again, which completes them; if it fails again, on the host: dpkg --configure -a"
  fi
  fail "apt-get could not install $*" "fix the errors in the lines above, then run the same command again"
}

hold_packages() { # hold|unhold PACKAGE...
  in_turn saying bounded 60 apt-mark -q "$@" || {
    blame_holder "so the hold of the packages was not changed"
    return 1
  }
}

are_held() { # PACKAGE...
  for name in "$@"; do
    case " $(held_packages)" in *" $name "*) ;; *) return 1 ;; esac
  done
}

held_packages() {
  apt-mark showhold 2>/dev/null | tr '\n' ' '
}

# Downloads what an installation needs, without installing it. An interrupted dpkg run is completed only while the node is
# down: a package's script may restart it. An upgrade removes nothing, and would fail here, while the node still serves.
fetch_packages() { # PACKAGE[=VERSION]...
  dpkg_was_interrupted ||
    in_turn saying fetching 900 -q -y --download-only --no-install-recommends --allow-change-held-packages -o APT::Get::Remove=false \
      -o Dpkg::Use-Pty=0 install "$@" || packages_failed "$@"
}
