#!/bin/bash
# A cluster of three brokers behind a load balancer on this machine, brought up by rabbitup itself.
# Run by `make demo`; `make demo-down` removes it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

lab=tests/lab/lab
settings=/var/lib/rabbitup-lab/demo/ssh_config # inventories/lab.toml names this very file
unset LAB_DIR LAB_NET LAB_ROOT
export LAB_NAME=demo

cannot() {
  echo "$1; nothing was changed." >&2
  exit 1
}
stage() { printf '\n==> %s\n' "$1"; }

if [ "${1:-}" = down ]; then
  [ "$(id -u)" = 0 ] || cannot "Removing the demo needs root"
  echo "Removing the demo's hosts, their network and disks, and the cached images that no other lab uses"
  "$lab" down
  "$lab" clean
  exit 0
fi

# Everything that could stand in the way is asked before anything is changed.
[ "$(id -u)" = 0 ] || cannot "The demo needs root, because it boots containers and makes a network bridge for them"
[ "$(uname -s)" = Linux ] || cannot "The demo needs Linux, because it boots containers"
command -v apt-get >/dev/null || cannot "The demo needs a Debian or Ubuntu machine, because it builds its hosts with apt"
[ "$(dpkg --print-architecture)" = amd64 ] || cannot "The demo needs an amd64 machine, because its hosts are amd64"
command -v cargo >/dev/null || cannot "The demo needs cargo in the PATH, because it builds rabbitup first"
grep -q cgroup2 /proc/mounts || cannot "The demo needs cgroup2 mounted on this machine, because its hosts run systemd"

stage "Looking for the tools that the hosts need, and installing with apt what is missing"
tests/lab/install-tools.sh lab

stage "Building rabbitup (cargo build --release)"
cargo build --release
rabbitup=${CARGO_TARGET_DIR:-target}/release/rabbitup

stage "Booting node1, node2, node3 and lb1: fresh Debian 12 hosts with sshd and sudo, in containers"
"$lab" down
"$lab" up bookworm node1=10.77.0.11 node2=10.77.0.12 node3=10.77.0.13 lb1=10.77.0.21
"$lab" status

# A failure leaves the hosts as they are: looking at them is what they are for.
trap 'echo "The demo failed; its hosts are still there: $lab ssh node1. Remove them with: make demo-down" >&2' ERR

stage "rabbitup plan: what would change on these hosts (reads only)"
"$rabbitup" plan -i inventories/lab.toml

stage "rabbitup up --yes: carrying that plan out"
"$rabbitup" up --yes -i inventories/lab.toml

stage "rabbitup plan, once more: nothing is left to change"
"$rabbitup" plan -i inventories/lab.toml

stage "rabbitup status: the cluster as every node sees it"
"$rabbitup" status -i inventories/lab.toml

cat <<T

The cluster stays up.
  HAProxy's statistics  http://10.77.0.21:8404/
  log in to a host      $lab ssh node1        or: ssh -F $settings node1
  look at it again      $rabbitup status -i inventories/lab.toml
  remove everything     make demo-down
T
