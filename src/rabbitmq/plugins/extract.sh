#!/bin/sh
# Regenerates shipped.txt from a clone of RabbitMQ's own repository with its tags:
#   extract.sh PATH_OF_CLONE >shipped.txt
# plugins.mk lists the plugins that a release ships; before 3.8.10 that was another repository.
set -eu
# shellcheck source=src/rabbitmq/by_release.sh
. "$(dirname "$0")/../by_release.sh"
cd "$1"

releases | while read -r release; do
  git show "$release:plugins.mk" 2>/dev/null | grep -oE '(rabbitmq|rabbit)_[a-z0-9_]+' | sort -u | sed "s|^.*|${release#v} & &|"
done | spans
