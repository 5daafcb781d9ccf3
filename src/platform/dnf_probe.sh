# shellcheck shell=sh disable=SC2154
# Part of the probe: what rpm and dnf know. probe.sh has section, limit, nl and the questions.

# What keeps a unit from starting while packages are installed, left behind by an interrupted run.
start_guard() {
  set +f
  for f in /run/systemd/system/*.service.d/rabbitup-install.conf; do
    [ ! -e "$f" ] || { echo stale_policy=yes && break; }
  done
  set -f
}

# rpm alone answers in 10 ms, also during a transaction. dnf takes 300 ms, so it is only asked about what is not installed, or
# where a version is requested; and only its cache, so that nothing waits for a repository.
packages() {
  section rpm
  packages=$packages_dnf
  [ -n "$packages" ] || return
  # shellcheck disable=SC2086  # one argument per line is what IFS is set for
  known=$(rpm -qa --qf '%{NAME} %{INSTALLTIME} %{EVR}\n' -- $packages)
  printf '%s\n' "$known"
  section unfinished
  unfinished=/var/lib/dnf/rabbitup-unfinished
  [ ! -e "$unfinished" ] || sed "s/\$/ $(stat -c %Y "$unfinished")/" "$unfinished"
  section locked
  [ ! -e /etc/dnf/plugins/versionlock.list ] || sed -n 's/^\([A-Za-z0-9].*\)/\1/p' /etc/dnf/plugins/versionlock.list
  [ ! -e /etc/dnf/versionlock.toml ] || sed -n 's/^name *= *"\(.*\)".*/\1/p' /etc/dnf/versionlock.toml
  case $nl$packages$nl$known in
    *"${nl}rabbitmq-server "*) ;;
    *"${nl}rabbitmq-server$nl"*)
      section erased
      sed -n 's/^.* Erase: \(rabbitmq-server\)-\([0-9].*\)\.[^.]*$/\1 \2/p' /var/log/dnf.rpm.log | tail -n 1
      ;;
  esac
  candidates_of "$packages" "$installable_dnf" || return
  section offered
  dnf=dnf
  command -v dnf >/dev/null || dnf=yum
  # A repository without a cache would fail the whole question.
  # shellcheck disable=SC2086  # one argument per line is what IFS is set for
  offered=$(
    limit 10 "$dnf" -q -C '--setopt=*.skip_if_unavailable=1' --disableplugin=versionlock --disableexcludes=main repoquery --available --showduplicates \
      --qf '%{name} %{evr}\n' $wanted | sort -u -V -r
  )
  printf '%s\n' "$offered"
  conflicts
}
# What is in the way of an upgrade of the broker. dnf removes nothing for it, and names what it would have to remove.
conflicts() {
  target=$(
    printf '%s\n' "$offered" | sed -n 's/^rabbitmq-server //p' |
      target_over "$(printf '%s\n' "$known" | sed -n 's/^rabbitmq-server [0-9]* //p' | tail -n 1)"
  )
  [ -n "$target" ] || return
  section conflicts
  limit 20 "$dnf" -C '--setopt=*.skip_if_unavailable=1' --setopt=exit_on_lock=1 --setopt=install_weak_deps=0 --disableplugin=versionlock \
    --disableexcludes=main --assumeno install "rabbitmq-server-$target" 2>&1 |
    sed -n 's/.*problem with installed package \([^ ]*\)$/rabbitmq-server \1/p' | sort -u
}
is_installed() { case $nl$known in *"$nl$1 "*) ;; *) return 1 ;; esac; }
