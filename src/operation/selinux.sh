# shellcheck shell=sh

# -P builds the policy again, which takes 20 s and more on a small host.
set_selinux_boolean() { # NAME
  bounded 240 setsebool -P "$1" 1 || fail "SELinux's boolean $1 could not be set (the lines above)" "try it on the host: setsebool -P $1 1"
}

# -a refuses a port that has a type, -m one that has none.
label_port() { # TYPE PORT
  command -v semanage >/dev/null || fail "there is no semanage here, so port $2 cannot get SELinux's type $1" \
    "install it (dnf install policycoreutils-python-utils), then run the same command again"
  bounded 120 semanage port -a -t "$1" -p tcp "$2" 2>/dev/null ||
    bounded 120 semanage port -m -t "$1" -p tcp "$2" ||
    fail "port $2 could not get SELinux's type $1 (the lines above)" "try it on the host: semanage port -m -t $1 -p tcp $2"
}
