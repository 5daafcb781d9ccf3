# shellcheck shell=bash
# The images of hosts: which there are, and how they are cached. An image is a base root file system with its offline
# package repositories, named by a digest of its recipe; image.sh, debian.sh and el9/ are the recipes.

# What hosts can be: Debian 11 to 13, and testing, whose packages move: an image has what it offered on the day it was built.
# And what a provisioning tool takes for Enterprise Linux 9.
SUITES="bullseye bookworm trixie forky el9"

# base_recipe SUITE: the files whose content shapes the image.
base_recipe() {
  case $1 in
    el9) find "$LAB_SRC/image.sh" "$LAB_SRC/el9" -type f | LC_ALL=C sort ;;
    *) printf '%s\n' "$LAB_SRC/image.sh" "$LAB_SRC/debian.sh" ;;
  esac
}

# base_key SUITE: names the cached image.
base_key() { echo "$1-$({ base_recipe "$1" | xargs -d '\n' cat; echo "$1"; } | sha256sum | cut -c1-12)"; }

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
    say "building the $suite image (some 20 s to a minute, once per machine)"
    rm -rf --one-file-system "$LAB_CACHE/$suite"-*.tmp
    base_build "$suite" "$LAB_CACHE/$key.tmp"
    mv "$LAB_CACHE/$key.tmp" "$LAB_CACHE/$key"
    base_prune "$suite" "$key"
  ) 9>"$LAB_CACHE/$suite.lock"
}

# base_build SUITE DIR: DIR/root is the file system, DIR/repo a host's /srv/repo. The namespaces make a killed build leave
# files only.
base_build() {
  local suite=$1 dir=$2 log=$LAB_CACHE/$1.log recipe=("$LAB_SRC/debian.sh" "$1")
  [ "$suite" != el9 ] || recipe=("$LAB_SRC/el9/build.sh")
  LAB_PASSWORD=$LAB_PASSWORD timeout -k 10 1100 unshare --mount --propagation slave --pid --fork --kill-child --mount-proc \
    "${recipe[@]}" "$dir" >"$log" 2>&1 ||
    die "the $suite image could not be built; the last lines of $log:
$(tail -n 20 "$log")"
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
