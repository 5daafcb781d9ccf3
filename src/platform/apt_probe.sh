# shellcheck shell=sh disable=SC2154
# Part of the probe: what dpkg and apt know. probe.sh has section, limit, nl and the questions.

# A policy-rc.d of ours, which an interrupted run left behind.
start_guard() {
  while read -r line; do
    case $line in *'# rabbitup'*) echo stale_policy=yes ;; esac
  done </usr/sbin/policy-rc.d
}

packages() {
  section packages
  packages=$packages_apt
  [ -n "$packages" ] || return
  # shellcheck disable=SC2016,SC2086  # dpkg-query expands it
  known=$(dpkg-query -W -f '${Package} ${db:Status-Abbrev} ${Version}\n' -- $packages)
  printf '%s\n' "$known"
  list=/var/lib/dpkg/info/rabbitmq-server.list
  if [ -e "$list" ]; then
    section unpacked
    stat -c '%Y %n' "$list"
  fi
  candidates_of "$packages" "$installable_apt" || return
  section policy
  # shellcheck disable=SC2086  # one argument per line is what IFS is set for
  policy=$(limit 10 apt-cache -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= policy -- $wanted)
  printf '%s\n' "$policy"
  removals
}
# What would be removed for the packages that a plan may install. Most often that is nothing, and one question answers it for all. The
# time service is left out: what that replaces is known, and it may be missing on a host that has all the rest.
removals() {
  set --
  for p in $wanted; do
    case $p in
      chrony) ;;
      rabbitmq-server) broker_removals && set -- "$@" "$p$target" ;;
      *) is_installed "$p" || set -- "$@" "$p" ;;
    esac
  done
  if [ $# = 0 ] || [ -z "$(removed_for "$@")" ]; then return; fi
  section removals
  for p; do removed_for "$p" | sed "s/^/${p%%=*} /"; done
}
# Whether the broker may be installed or upgraded; $target is `=VERSION`, or empty for what apt chooses.
broker_removals() {
  target=$(
    printf '%s\n' "$policy" |
      sed -n '/^rabbitmq-server:/,/^[a-z]/{ /(none)/d; s/^  Candidate: //p; s/^ \*\*\* \([^ ]*\) .*/\1/p; s/^     \([^ ][^ ]*\) .*/\1/p; }' |
      target_over "$(printf '%s\n' "$known" | sed -n 's/^rabbitmq-server [^ ]* *//p')"
  )
  target=${target:+=$target}
  [ -n "$target" ] || ! is_installed rabbitmq-server
}
removed_for() {
  limit 20 apt-get -s -q -y --no-install-recommends --allow-change-held-packages -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
    install -- "$@" | sed -n 's/^Remv \([^ ]*\).*/\1/p'
}
is_installed() { case $nl$known in *"$nl$1 "[a-z][itW]*) ;; *) return 1 ;; esac; }
