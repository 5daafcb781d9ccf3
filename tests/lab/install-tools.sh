#!/bin/bash
# Installs, with apt, what is missing of the tools for:  lab   the throw-away hosts   check   `make check`   browser   pages in the end-to-end tests
# Does nothing where everything is there, and says in one sentence why it cannot help.
#   install-tools.sh lab|check|browser...
set -euo pipefail

# One "command package" per line: the command's absence is what counts.
lab_tools='mmdebstrap mmdebstrap
systemd-nspawn systemd-container
apt-ftparchive apt-utils
ip iproute2
ssh openssh-client
nsenter util-linux
setsid util-linux
timeout coreutils
unzip unzip
faketime faketime'
check_tools='shellcheck shellcheck
ssh openssh-client
sshd openssh-server
busybox busybox
tcsh tcsh
bsd-csh csh
dot graphviz
fish fish'
# About 350 MB on the disk, so only for tests that look at pages. Its dependencies bring the fonts.
browser_tools='chromium chromium'

packages=
for group in "$@"; do
  case $group in
    lab) tools=$lab_tools ;;
    check) tools=$check_tools ;;
    browser) tools=$browser_tools ;;
    *) echo "install-tools: no group '$group'" >&2; exit 64 ;;
  esac
  while read -r tool package; do
    command -v "$tool" >/dev/null || packages+=" $package"
  done <<<"$tools"
  # mmdebstrap trusts Debian's own keys only; other systems lack them.
  [ "$group" != lab ] || [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || packages+=" debian-archive-keyring"
done
[ -n "$packages" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "This needs$packages, and only apt-get could install that here; nothing was changed." >&2
  exit 1
elif [ "$(id -u)" != 0 ]; then
  echo "This needs root to install$packages; nothing was changed." >&2
  exit 1
fi

echo "Installing$packages"
# shellcheck disable=SC2086  # a list of words
{
  export DEBIAN_FRONTEND=noninteractive
  # The lists that are there may do; a fresh machine has none.
  timeout -k 10 600 apt-get install -y -qq --no-install-recommends $packages </dev/null >/dev/null 2>&1 || {
    timeout -k 10 600 apt-get update -qq </dev/null
    timeout -k 10 600 apt-get install -y -qq --no-install-recommends $packages </dev/null >/dev/null
  }
}
