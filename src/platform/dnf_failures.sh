# shellcheck shell=sh disable=SC2034,SC2154 # dnf.sh reads unread_options and sets dnf, said, ended; prelude.sh and dnf_keys.sh: the rest
# What dnf could not read, download, verify or install, and what to do about it.

# The repositories that a command of this step left out, by name, and as options for the next ones: one word per line.
unread='' unread_options=''
# The same for a person, with what dnf said of each.
unread_told=
# Those of them whose metadata could not be verified.
unverified=

# dnf says "Ignoring repositories: a, b".
note_left_out() {
  for repo in $(printf '%s\n' "$said" | sed -n 's/^.*Ignoring repositories: //p' | tr ',' ' '); do
    case " $unread " in *" $repo "*) continue ;; esac
    why=$(why_left_out "$repo")
    case $why in *GPG*) unverified="$unverified $repo" ;; esac
    unread="$unread $repo"
    unread_options="$unread_options --disablerepo=$repo"
    unread_told="$unread_told${unread_told:+; }$repo${why:+ ($why)}"
  done
}

# As "Connection timed out after 10000 ms, at http://192.0.2.1". dnf prints what its download library said below "Errors during downloading
# metadata for repository 'a':", and its own words in a line of their own.
why_left_out() { # REPOSITORY
  own=$(printf '%s\n' "$said" | sed -n "s/^.*Failed to retrieve GPG key for repo '$1': /GPG key: /p; s/^.*Failed to [a-z ]* for repo '$1': //p" | head -n 1)
  case $own in *GPG*) printf '%s\n' "$own" && return 0 ;; esac
  curl=$(printf '%s\n' "$said" | sed -n "/metadata for repository '$1':\$/{n;p;q;}" | as_server)
  printf '%s\n' "${curl:-$own}"
}

# "Curl error (28): Timeout was reached for http://192.0.2.1/repodata/repomd.xml [WHY]" as "WHY, at http://192.0.2.1".
as_server() {
  sed 's/^ *- //; s|^Curl error ([0-9]*): .* for \([a-z]*://[^/ ]\{1,\}\)[^ ]* \[\(.*\)\]$|\2, at \1|'
}

# The repository that offers a package, of which dnf names but the file; nothing if it cannot be told.
repository_of() { # NAME-VERSION-RELEASE.ARCHITECTURE
  # shellcheck disable=SC2086 # one word per line
  timeout 60 "$dnf" -q -C '--setopt=*.skip_if_unavailable=1' $key_options $unread_options repoquery --available --qf '%{repoid}\n' "$1" \
    2>/dev/null | sed -n '/./{p;q;}'
}

lists_failed() {
  blame_holder "so the repositories' metadata was not fetched"
  blame_clock "the repositories' metadata could not be fetched"
  fail "the repositories' metadata could not be fetched${unread_told:+: $unread_told}" "on the host: $dnf makecache; check /etc/yum.repos.d"
}

packages_failed() { # PACKAGE[=VERSION]...
  killed=
  [ "$ended" -lt 124 ] || [ "$ended" = 200 ] || killed=yes
  [ -z "$killed" ] || [ "${begun_here:-}" = yes ] ||
    fail "$dnf was terminated while it downloaded packages (exit code $ended), so nothing was installed" "run the same command again"
  # rpm may have unpacked files of a version that its database does not name yet, so the note stays.
  [ -z "$killed" ] ||
    fail "$dnf was terminated during the transaction (exit code $ended), so $* is partly installed" \
      "run the same command again: it completes the transaction"
  # This transaction has changed nothing; an earlier one that was interrupted is still incomplete.
  if [ "${begun_here:-}" = yes ]; then
    if [ -n "$earlier" ]; then printf '%s\n' "$earlier" >"$unfinished"; else rm -f "$unfinished"; fi
  fi
  blame_holder "so nothing was installed"
  blame_clock "the packages could not be fetched"
  blame_download
  if dnf_said 'filtered out by (exclude|modular) filtering'; then
    what=$(printf '%s\n' "$said" | sed -n 's/.*filtered out by \([a-z]*\) filtering for argument: \(.*\)/\2 (\1 filtering)/p' | head -n 1)
    fail "the host's own settings keep $dnf from installing $what" \
      "on the host: $dnf versionlock list, excludepkgs in /etc/dnf/dnf.conf and /etc/yum.repos.d, $dnf module list; then run the same command again"
  fi
  # The last one: rpm has no key at all, and a repository's gpgkey names none.
  if dnf_said 'GPG check FAILED|Public key for .* is not installed|GPG signature verification error|retrieve GPG key|do not have any GPG public keys'; then
    keys_failed
  fi
  missing=$(printf '%s\n' "$said" | sed -n 's/^\(Error: \)\{0,1\}\(No match for argument\|Unable to find a match\): //p' | head -n 1)
  needs=$(printf '%s\n' "$said" | sed -n 's/^.*nothing provides \(.*\) needed by .*/\1/p' | head -n 1)
  without=${unread_told:+; these repositories could not be read: $unread_told}
  # It may be offered by one that was left out. With every repository off, dnf says no more than that none is on.
  if [ -n "$missing$needs" ] || { [ -n "$unread" ] && dnf_said 'There are no enabled repositories'; }; then
    [ -z "$unverified" ] || keys_failed
    what="no repository of this host offers ${missing:-${needs:-$*}}${needs:+, which $* needs}$without"
    [ -z "$unread" ] || fail "$what" "check the network, and these repositories in /etc/yum.repos.d: on the host: $dnf makecache; then run the same command again"
    fail "$what" \
      "add a repository that has it to /etc/yum.repos.d (RabbitMQ's own for recent versions, which need its Erlang too), then run the same command again"
  fi
  fail "$dnf could not install $*$without" "fix the errors in the lines above, then run the same command again"
}

# Fails with the server from which a package could not be downloaded. dnf prints each attempt: "[MIRROR] FILE: Curl error …".
blame_download() {
  dnf_said 'Error downloading packages|all mirrors were already tried' || return 0
  attempt=$(printf '%s\n' "$said" | sed -n 's/^\[\(MIRROR\|FAILED\)\] //p' | head -n 1)
  [ -n "$attempt" ] || return 0
  repo=$(repository_of "${attempt%%.rpm: *}")
  advice="check the server and the repository in /etc/yum.repos.d, then run the same command again: what was downloaded is kept"
  # The metadata are older than what the server has.
  case $attempt in *'Status code: 404 '*) advice="on the host: $dnf clean expire-cache; then run the same command again" ;; esac
  fail "${attempt%%.rpm: *} could not be downloaded${repo:+ from the repository $repo}: $(printf '%s\n' "${attempt#*.rpm: }" | as_server)" "$advice"
}

# Fails with the key that is not trusted, or with the repository that has no key.
keys_failed() {
  if [ -s "$keys_directory/untrusted" ]; then
    read -r repo print address <"$keys_directory/untrusted"
    fail "the repository $repo is signed with a key that this host does not trust: $print, from $address" \
      "compare that fingerprint with the one that its vendor publishes, then accept it in the inventory: [package] keys = [\"$print\"]"
  fi
  for repo in $unverified; do
    has_key "$repo" || keyless "$repo" "the metadata of the repository $repo (repo_gpgcheck=1)"
  done
  # dnf's words where rpm has no key at all, and where it has others.
  repo=$(printf '%s\n' "$said" | sed -n 's/^Problem repository: \[\{0,1\}\([^] ]*\).*/\1/p' | head -n 1)
  package=$(printf '%s\n' "$said" | sed -n 's/^.*Failing package is: //p' | head -n 1)
  [ -n "$repo" ] || [ -z "$package" ] || repo=$(repository_of "$package")
  [ -z "$repo" ] || has_key "$repo" || keyless "$repo" "${package:-the packages} of the repository $repo (gpgcheck=1)"
  fail "a signature of a package or a repository could not be verified${package:+: $package${repo:+, of the repository $repo}}${unread_told:+: $unread_told}" \
    "$dnf's error is in the lines above; check gpgkey in /etc/yum.repos.d"
}

# Whether a repository's gpgkey names a key.
has_key() { # REPOSITORY
  cat /etc/yum.repos.d/*.repo 2>/dev/null |
    awk -v repo="$1" '/^\[/ { here = substr($0, 2, index($0, "]") - 2) == repo } here && /^gpgkey *= *[^ ]/ { found = 1 } END { exit !found }'
}

keyless() { # REPOSITORY WHAT
  fail "$2 cannot be verified: it has no gpgkey, so no key is known for it" \
    "add to [$1] in /etc/yum.repos.d: gpgkey=file:///etc/pki/rpm-gpg/KEY, with the file of the key that its vendor publishes; then run the same command again"
}
