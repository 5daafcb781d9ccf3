#!/bin/sh
# Regenerates keys.txt from a clone of RabbitMQ's own repository with its tags:
#   extract.sh PATH_OF_CLONE >keys.txt
# A key is a cuttlefish mapping in a schema file; `$name` in it stands for any one segment. A line is
#   SCHEMA KEY APPLICATION.VARIABLE SPAN...
# with the variable of the application's environment that the key sets in the newest release that has it.
set -eu
cd "$1"

# Every known release of a series, oldest first.
releases() {
  git tag --list 'v3.[89].*' 'v3.1[0-3].*' 'v4.[0-3].*' | grep -E '^v[0-9]+\.[0-9]+\.[0-9]+$' | sort -V
}

# `RELEASE SCHEMA KEY VARIABLE`, one per line. A mapping's words may be on the lines after its bracket.
releases | while read -r release; do
  # Before 3.8.10 the plugins had repositories of their own, so only the broker's schema is there.
  git ls-tree -r --name-only "$release" | grep -E '^(deps/[a-z0-9_]+/)?priv/schema/[a-z0-9_]+\.schema$' | while read -r file; do
    schema=${file##*/}
    git show "$release:$file" | awk -v at="${release#v} ${schema%.schema}" '
      /^[[:space:]]*%/ { next }
      { text = text " " $0 }
      END {
        while (match(text, /\{[[:space:]]*mapping[[:space:]]*,[[:space:]]*"[^"]+"[[:space:]]*,[[:space:]]*"[^".]+\.[^".]+/)) {
          found = substr(text, RSTART, RLENGTH)
          text = substr(text, RSTART + RLENGTH)
          split(found, part, "\"")
          print at, part[2], part[4]
        }
      }'
  done
done | awk '
  # Converts the keys of each release into the spans of releases that have them: `3.8`, `3.8-3.13`, `3.10.12-4.0`.
  function series(release) { split(release, part, "."); return part[1] "." part[2] }
  {
    if (!($1 in place)) { place[$1] = ++count; release[count] = $1 }
    if (!(($2) in first_with) ) first_with[$2] = $1
    known[$2 " " $3, $1] = 1
    keys[$2 " " $3] = $4
  }
  END {
    for (i = 1; i <= count; i++) {
      s = series(release[i])
      if (!(s in opening)) { opening[s] = release[i]; order[++many] = s }
      newest[s] = release[i]
    }
    printf "releases"
    for (i = 1; i <= many; i++) printf " %s", newest[order[i]]
    printf "\n"
    for (key in keys) {
      split(key, word, " ")
      spans = ""; begin = ""
      for (i = 1; i <= many; i++) {
        s = order[i]
        from = ""
        # A release branch never loses a key: the first patch release that has it counts.
        for (j = 1; j <= count; j++) if (series(release[j]) == s && ((key, release[j]) in known)) { from = release[j]; break }
        whole = (from == opening[s] || (s == "3.8" && from == first_with[word[1]]))
        if (begin != "" && (from == "" || !whole)) { spans = spans " " begin "-" order[i - 1]; begin = "" }
        if (from != "" && begin == "") begin = whole ? s : from
      }
      if (begin != "") spans = spans " " begin "-" order[many]
      print word[1], word[2], keys[key] spans
    }
  }' | LC_ALL=C sort
