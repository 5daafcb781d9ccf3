#!/bin/sh
# Records what Ansible makes of the samples here: tests/inventory/ansible.rs compares it with what rabbitup reads.
# Needs ansible-core; the samples were listed with 2.14.
set -eu
cd "$(dirname "$0")"
mkdir -p listed
password=$(mktemp)
trap 'rm -f "$password"' EXIT
echo lab >"$password"
for sample in flat.ini groups.ini datacenter/hosts nested/hosts.yml; do
  name=$(echo "$sample" | tr '/.' '--')
  ansible-inventory --vault-password-file "$password" -i "$sample" --list >"listed/$name.json"
  ansible-inventory --vault-password-file "$password" -i "$sample" --list --yaml >"listed/$name.yml"
done
