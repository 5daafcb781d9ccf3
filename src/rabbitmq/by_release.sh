# shellcheck shell=sh
# What each release of RabbitMQ has, from a clone of its repository with its tags: shared by the extract.sh of each table.

# Every known release of a series, oldest first.
releases() {
  git tag --list 'v3.[89].*' 'v3.1[0-3].*' 'v4.[0-3].*' | grep -E '^v[0-9]+\.[0-9]+\.[0-9]+$' | sort -V
}

# Reads `RELEASE APPLICATION KEY` and perhaps one word more, the oldest release first. Prints the newest releases of all series, then
# each key with its word of the newest release and the spans of releases that have it.
spans() {
  awk '
    # Converts the keys of each release into the spans of releases that have them: `3.8`, `3.8-3.13`, `3.10.12-4.0`.
    function series(release) { split(release, part, "."); return part[1] "." part[2] }
    {
      if (!($1 in place)) { place[$1] = ++count; release[count] = $1 }
      if (!(($2) in first_with) ) first_with[$2] = $1
      known[$2 " " $3, $1] = 1
      keys[$2 " " $3] = $4 == "" ? "" : " " $4
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
        print word[1], word[2] keys[key] spans
      }
    }
  ' | LC_ALL=C sort
}
