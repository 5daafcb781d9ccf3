# shellcheck shell=sh disable=SC2034,SC2154 # dnf.sh reads key_options; dnf_failures.sh sets unread
# Which keys dnf may accept by itself. `dnf -y` imports whatever key a repository's gpgkey names. A file on the host was put there by
# the operator. A key that comes over the network is accepted if the inventory names its fingerprint, or if rpm has it
# already; else dnf is given a file that does not exist. With none at all, dnf refuses to do anything on a host whose rpm has no key
# yet, for packages of other repositories too.

# The options for every run of dnf, one per line; none of them contains a space.
key_options=
keys_directory=/run/rabbitup-keys

# `REPOSITORY ADDRESS` of each gpgkey of a repository that is on, without those that are files of the host.
network_keys() {
  cat /etc/yum.repos.d/*.repo 2>/dev/null | awk '
    function end() { if (repo != "" && on) printf "%s", keys; keys = "" }
    /^\[/ { end(); repo = substr($0, 2, index($0, "]") - 2); on = 1; key = 0; next }
    /^enabled *= *(0|[Ff]alse|[Nn]o)/ { on = 0 }
    /^gpgkey *=/ { sub(/^gpgkey *= */, ""); key = 1 }
    /^[^ \t]/ && key == 2 { key = 0 }
    key { n = split($0, a, /[ \t,]+/); for (i = 1; i <= n; i++) if (a[i] ~ /^(https?|ftp):/) keys = keys repo " " a[i] "\n"; key = 2 }
    END { end() }'
}

# The fingerprints of the primary keys in a file.
fingerprints() { # FILE
  gpg --homedir "$keys_directory" --batch --with-colons --show-keys "$1" 2>/dev/null |
    awk -F: '$1 == "pub" { primary = 1 } $1 == "fpr" && primary { print $10; primary = 0 }'
}

# Whether rpm has this key. Its packages are named by the last eight digits of the fingerprint, which can be forged, so the whole
# key is compared: it is the package's description.
rpm_has_key() { # FINGERPRINT
  for key in $(rpm -qa "gpg-pubkey-$(printf %s "$1" | tail -c 8 | tr A-F a-f)*"); do
    rpm -q --qf '%{DESCRIPTION}\n' "$key" >"$keys_directory/imported" 2>/dev/null || continue
    for known in $(fingerprints "$keys_directory/imported"); do
      [ "$known" != "$1" ] || return 0
    done
  done
  return 1
}

# A server that does not answer is asked once.
fetch_key() { # FILE ADDRESS
  server=${2#*://} server=${server%%/*}
  ! grep -qsxF "$server" "$keys_directory/silent" || return 1
  timeout 30 curl -fsSL --connect-timeout 10 --max-filesize 1000000 --max-time 20 -o "$1" "$2" </dev/null 2>/dev/null && return 0 || code=$?
  # curl(1): no name, no connection, timed out.
  case $code in 6 | 7 | 28 | 124) printf '%s\n' "$server" >>"$keys_directory/silent" ;; esac
  return 1
}

# Before dnf loads metadata: `dnf -y` accepts a key for metadata as readily as one for packages, and keeps it in its cache.
# Fetches each key once, and lets dnf use exactly the file that was checked.
accept_keys() {
  [ -z "${keys_checked:-}" ] || return 0
  keys_checked=yes
  # The two variables that repositories use in addresses (dnf.conf(5)).
  listed=$(network_keys | sed "s/\$releasever/$(rpm --eval '%{?rhel}%{?fedora}%{?amzn}')/g; s/\$basearch/$(uname -m)/g")
  [ -n "$listed" ] || return 0
  rm -rf "$keys_directory"
  mkdir -m 700 "$keys_directory"
  key_options=$(printf '%s\n' "$listed" | cut -d ' ' -f 1 | sort -u | while read -r repo; do
    # Nothing is asked of a repository that is off by now.
    case " $unread " in *" $repo "*) continue ;; esac
    printf '%s\n' "$listed" | sed -n "s|^$repo ||p" >"$keys_directory/$repo.addresses"
    accepted=
    while read -r address; do
      file=$keys_directory/$repo.$(printf %s "$address" | cksum | cut -d ' ' -f 1).asc
      fetch_key "$file" "$address" || continue
      trusted=yes
      for print in $(fingerprints "$file"); do
        case " ${accepted_keys:-} " in *" $print "*) continue ;; esac
        rpm_has_key "$print" || { trusted=no && printf '%s %s %s\n' "$repo" "$print" "$address" >>"$keys_directory/untrusted"; }
      done
      [ "$trusted" = no ] || [ -z "$(fingerprints "$file")" ] || accepted="$accepted${accepted:+,}file://$file"
    done <"$keys_directory/$repo.addresses"
    printf '%s\n' "--setopt=$repo.gpgkey=${accepted:-file://$keys_directory/none}"
  done)
}

forget_keys() {
  rm -rf "$keys_directory"
  key_options='' keys_checked=''
}
