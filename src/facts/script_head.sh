# shellcheck shell=sh disable=SC2154,SC2034
# The head of every script that looks at a host and changes nothing there: it runs as root under dash, bash or busybox sh, whatever the
# login's files have set. In front of it is nonce, which starts every line that frames a section, so that no banner can pass for one.
exec 2>/dev/null </dev/null
# The host's own time zone is that of `unset TZ`.
export LC_ALL=C TZ=UTC0
# bash is started with -p, to ignore what a login exports (functions, SHELLOPTS).
unset BASH_ENV ENV POSIXLY_CORRECT GREP_OPTIONS
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
cd /
set -f -u
nl='
'
IFS=$nl
if command -v timeout >/dev/null; then limit() { timeout "$@"; }; else limit() { shift; "$@"; }; fi
section() { echo "$nonce $1"; }
