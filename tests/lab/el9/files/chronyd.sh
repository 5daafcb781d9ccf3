#!/bin/sh
# Debian's binary has other defaults built in than EL's.
exec /usr/libexec/chronyd -f /etc/chrony.conf -u chrony "$@"
