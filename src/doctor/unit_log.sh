# shellcheck shell=sh disable=SC2154
# The last log lines of a unit that does not run. Read-only. The controller prepends script_head.sh, and
#   unit         the unit
# Whole-line comments and indentation are removed before it is sent.

section log
# What the program itself said names the cause; systemd's own lines only say that it ended.
said=$(limit 5 journalctl -q -b "_SYSTEMD_UNIT=$unit.service" -n 6 -o cat --no-pager)
[ -n "$said" ] || said=$(limit 5 journalctl -q -b -u "$unit" -n 6 -o cat --no-pager)
printf '%s\n' "$said" | cut -c 1-400
section end
