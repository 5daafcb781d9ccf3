# shellcheck shell=sh

nginx_accepts() { # FILE
  bounded 30 nginx -t -q -c "$1"
}
