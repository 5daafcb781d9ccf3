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
