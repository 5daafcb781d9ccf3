# shellcheck shell=sh

nginx_accepts() { # FILE
  bounded 30 nginx -t -q -c "$1"
}

# Those that have read the configuration that counts now: others are called "worker process is shutting down".
nginx_workers() {
  started_by nginx pid=,args= | awk '/worker process *$/ { print $1 }'
}

# What a reload finds goes there, and not to the journal; its lines begin with the host's local time.
nginx_log() { # SINCE
  tail -n 500 /var/log/nginx/error.log 2>/dev/null |
    awk -v since="$(date -d "@$1" '+%Y/%m/%d %H:%M:%S')" '$0 >= since'
}
