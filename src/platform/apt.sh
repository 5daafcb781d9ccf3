# shellcheck shell=sh

# A package mirror may take connections and send nothing. apt gives up after 30 s of silence, for each file anew and each file
# four times (Acquire::http::Timeout; Acquire::Retries since apt 2.3.2): with twenty packages that is forty minutes.

# Half seconds without a byte after which the mirror counts as silent: longer than apt waits for dpkg's lock.
silence=300
# apt makes this file when it has everything and calls dpkg, which nobody ends (DPkg::Pre-Invoke in apt.conf(5)).
# shellcheck disable=SC2154 # nonce is set before prelude.sh
fetched=/run/rabbitup-$nonce.fetched

# Runs apt-get like `bounded`, and ends it where nothing comes. Not by `bounded` itself: in the background that is a shell of its
# own, and whoever ends that shell leaves apt-get to itself.
fetching() { # SECONDS ARGUMENT...
  within "$1"
  shift
  rm -f "$fetched"
  # shellcheck disable=SC2154 # within sets limit
  timeout -k 10 "$limit" apt-get -o "DPkg::Pre-Invoke::=touch $fetched" -o Acquire::Retries=1 "$@" &
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

# Which of the mirrors that these arguments of apt-get ask does not answer, one after the other, with what apt says of it;
# nothing where all of them do, if only with an error.
silent_mirrors() { # ARGUMENT...
  bounded 60 apt-get -q -y --print-uris "$@" 2>/dev/null | sed -n "s|^'\(https\{0,1\}://[^/']*\)\(/[^']*\)'.*|\1 \1\2|p" |
    sort -u -k 1,1 | head -n 4 | while read -r mirror address; do
    said=$(timeout 20 /usr/lib/apt/apt-helper -o Acquire::Retries=0 -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10 \
      download-file "$address" "$fetched" 2>&1) && answered=0 || answered=$?
    rm -f "$fetched"
    [ "$answered" != 124 ] || said="E: Failed to fetch $address  nothing came within 20 s"
    case $answered:$said in
      # A mirror that does not have the file answers, too: "404  Not Found".
      0:* | *'  '[45][0-9][0-9]'  '*) ;;
      *) printf '%s does not answer (%s), ' "$mirror" "$(printf '%s\n' "$said" | sed -n "s|^E: Failed to fetch [^ ]*  *||p" | head -n 1)" ;;
    esac
  done
}

# Fails with a silent mirror's name, where one is to blame.
blame_mirrors() { # WHAT ARGUMENT...
  what=$1
  shift
  silent=$(silent_mirrors "$@")
  [ -z "$silent" ] || fail "$what: the mirror ${silent%, }" \
    "see that it serves, or take it out of /etc/apt/sources.list and sources.list.d; then run the same command again"
}

# Debian's invoke-rc.d and deb-systemd-invoke ask /usr/sbin/policy-rc.d before they start a service; 101 forbids it
# (policy-rc.d's interface in sysvinit's README). Ours forbids only the named units, and only as long as
# this very process lives: killed at any moment, it leaves nothing that could keep a service from starting.
policy=/usr/sbin/policy-rc.d

forbid_start() { # UNIT...
  [ $# -gt 0 ] || return 0
  if [ -e "$policy" ]; then mv -f "$policy" "$policy.rabbitup-saved"; fi
  # Not $$: inside a subshell that is still the script's process, whose life is the right measure anyway.
  {
    printf '#!/bin/sh\n# rabbitup: forbids the first start of what it installs, while process %s lives\n' "$$"
    printf 'kill -0 %s 2>/dev/null || exit 0\n' "$$"
    # shellcheck disable=SC2016 # for the script that is written, not for this one
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

# What an interrupted run of ours left.
remove_stale_policy() { allow_start; }

# Package lists older than an hour may name versions that the mirror no longer has.
lists_are_fresh() {
  [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -mmin -60 2>/dev/null | head -n 1)" ]
}

# Once in a script: an upgrade does it while the broker still serves.
refresh_lists() {
  if [ "${refreshed:-}" = yes ] || lists_are_fresh; then return 0; fi
  fetching 300 -q update || lists_failed
  refreshed=yes
}

lists_failed() {
  blame_mirrors "the package lists could not be fetched" update
  fail "the package lists could not be fetched" "on the host: apt-get update; look at /etc/apt/sources.list and sources.list.d"
}

dpkg_was_interrupted() {
  [ -n "$(find /var/lib/dpkg/updates -type f -name '[0-9]*' 2>/dev/null | head -n 1)" ]
}

# A host that lost its power under dpkg has records of it that are not merged yet; apt then refuses to do anything ("dpkg
# was interrupted", in apt-pkg's debsystem.cc). The same directory is in use while a dpkg runs, which keeps this one out by
# its lock, and apt waits for it.
end_interrupted_dpkg() {
  dpkg_was_interrupted || return 0
  echo 'dpkg was interrupted on this host; first it ends what it had begun'
  bounded 900 dpkg --force-confdef --force-confold --configure -a || :
}

# The broker's package as dpkg has it, whole or in part; nothing where it was removed.
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

# apt is never told to go back in place (--allow-downgrades): it would do so for every package. Without data an older broker
# comes where the newer one was taken away.
make_way() { # no-data PACKAGE[=VERSION]...
  there=$(broker_package)
  if [ "$1" != no-data ] || [ -z "$there" ]; then return 0; fi
  shift
  for choice in "$@"; do
    case $choice in
      *'*'*) ;;
      rabbitmq-server=*)
        is_at_least "${choice#*=}" "$there" ||
          bounded 600 apt-get -q -y --allow-change-held-packages -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 remove rabbitmq-server ||
          fail "rabbitmq-server $there could not be removed to make way for ${choice#*=}" "the lines above are apt's own"
        ;;
    esac
  done
}

# One transaction for everything. Configuration files that somebody changed stay as they are.
# A repository of apt names its key itself (signed-by), so KEYS are not read.
install_packages() { # UNITS-HELD-BACK(space separated) KEYS -|no-data|data=[VERSION] PACKAGE[=VERSION]...
  held_back=$1 beneath=$3
  shift 3
  is_as_planned "$beneath" "$@"
  refresh_lists
  trap allow_start EXIT
  # shellcheck disable=SC2086 # a list of unit names, none with a space
  forbid_start $held_back
  end_interrupted_dpkg
  make_way "$beneath" "$@"
  # dpkg's lock may be held by unattended-upgrades: apt waits for it instead of failing at once.
  fetching 1500 -q -y --no-install-recommends --allow-change-held-packages \
    -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
    install "$@" || packages_failed "$@"
  allow_start
  trap - EXIT
}

packages_failed() { # PACKAGE[=VERSION]...
  blame_mirrors "the packages could not be fetched" install "$@"
  for choice in "$@"; do
    package=${choice%%=*}
    if [ -z "$(apt-cache madison "$package" 2>/dev/null)" ]; then
      # An `apt-get update` that gets nothing warns of it and ends well.
      blame_mirrors "no list of packages names $package" update
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
    fail "packages are left half-configured on this host" "run the same command again, which ends what dpkg had begun; if it fails again, on the host: dpkg --configure -a"
  fi
  fail "apt-get could not install $*" "the lines above are apt's own; fix what they name, then run the same command again"
}

hold_packages() { # hold|unhold PACKAGE...
  bounded 60 apt-mark -q "$@"
}

held_packages() {
  apt-mark showhold 2>/dev/null | tr '\n' ' '
}

# Gets what an installation needs, and installs nothing. What dpkg has begun is ended when the node is down: a package's
# script may restart it.
fetch_packages() { # PACKAGE[=VERSION]...
  dpkg_was_interrupted ||
    fetching 900 -q -y --download-only --no-install-recommends --allow-change-held-packages \
      -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 install "$@" || packages_failed "$@"
}
