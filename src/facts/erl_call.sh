# shellcheck shell=sh
# shellcheck disable=SC2016,SC2034  # `sh -c` runs it, in other files

# For `sh -c "$as_c_node" ERL_CALL ARGUMENT...`: erl_call under a name that no other call on this host uses now. Its own -r uses
# the time in seconds modulo 997 (erl_call.c), and a node refuses a second connection with the same name. The number of names is
# limited, since each of them stays in the node's atom table.
as_c_node='exec "$0" -h "rabbitup$(($$ % 4096))" "$@"'

# Runs first: exits with 69 if the nodes use TLS between each other (rabbitmq.com/docs/clustering-ssl). erl_call does not support
# it, and would notice only when the node's handshake times out after seven seconds. User rabbitmq owns the file and runs this
# shell.
unless_tls='conf=/etc/rabbitmq/rabbitmq-env.conf
if [ -f $conf ] && grep -Eqs "^[^#]*-proto_dist +inet6?_tls" $conf; then exit 69; fi
'
