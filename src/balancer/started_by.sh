# shellcheck shell=sh
# For steps and for the probe.

# The processes that a unit's main process has started: these columns of ps, a line for each.
started_by() { # UNIT COLUMNS
  main=$(timeout -k 1 2 systemctl show -p MainPID --value "$1" 2>/dev/null)
  [ "${main:-0}" -gt 0 ] || return
  timeout -k 1 2 ps -o "$2" --ppid "$main" 2>/dev/null
}
