#!/bin/sh
# Regenerates keys.txt from a clone of RabbitMQ's own repository with its tags:
#   extract.sh PATH_OF_CLONE >keys.txt
# A key is a cuttlefish mapping in a schema file; `$name` in it stands for any one segment. A line is
#   SCHEMA KEY APPLICATION.VARIABLE SPAN...
# with the variable of the application's environment that the key sets in the newest release that has it.
set -eu
# shellcheck source=src/rabbitmq/by_release.sh
. "$(dirname "$0")/../by_release.sh"
cd "$1"

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
done | spans
