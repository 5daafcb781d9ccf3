#!/bin/sh
# Regenerates keys.txt from a clone of RabbitMQ's own repository with its tags:
#   extract.sh PATH_OF_CLONE >keys.txt
# What a definitions file names has to be registered with RabbitMQ (rabbit_registry), by the broker (rabbit_policies.erl,
# rabbit_quorum_queue.erl, rabbit_exchange_type_*.erl) or by a plugin: keys of policies (`policy_validator`), those of operator policies
# (`operator_policy_validator`) and types of exchanges.
set -eu
# shellcheck source=src/rabbitmq/by_release.sh
. "$(dirname "$0")/../by_release.sh"
cd "$1"

# `RELEASE APPLICATION KIND.NAME`, one per line. Before 3.8.10 the plugins had repositories of their own.
releases | while read -r release; do
  {
    git grep -oE "(policy_validator|operator_policy_validator|\[exchange), *<<\"[^\"]+\">>(, *\?MODULE)?|<<\"x-(jms-topic|event)\">>" "$release" -- \
      'src/*.erl' 'deps/*/src/*.erl' 'deps/*/include/*.hrl'
    # The only registration that stands on two lines.
    git grep -oE '^ +<<"[^"]+">>,$' "$release" -- 'src/rabbit_queue_location_validator.erl' '*/rabbit_queue_location_validator.erl'
  } | awk -v release="${release#v}" '
      {
        # RELEASE:deps/APPLICATION/src/FILE:MATCH, or RELEASE:src/FILE:MATCH of the broker itself.
        path = $0; sub(/^[^:]*:/, "", path); text = path; sub(/^[^:]*:/, "", text)
        application = "rabbit"
        if (split(path, part, "/") && part[1] == "deps") application = part[2]
        sub(/^rabbitmq_federation_common$/, "rabbitmq_federation", application)
        kind = "policy"
        if (text ~ /^operator_/) kind = "operator"
        if (text ~ /^\[exchange|^<</) kind = "exchange"
        # A type that is taken from the registry again, where a plugin is switched off, has no module.
        if (text ~ /\[exchange/ && text !~ /MODULE/) next
        gsub(/^[^"]*"|"[^"]*$/, "", text)
        print release, application, kind "." text
      }' | sort -u
done | spans
