# shellcheck shell=sh
# shellcheck disable=SC2016,SC2034  # `sh -c` runs it, in other files

# For `sh -c "$as_c_node" ERL_CALL ARGUMENT...`: erl_call under a name that no other call of this host has just now. Its
# own -r takes the time in seconds modulo 997 (erl_call.c), and a node refuses the second of one name while it knows the
# first. There are not many names, since each of them stays in the node's table of atoms.
as_c_node='exec "$0" -h "rabbitup$(($$ % 4096))" "$@"'

# Put before it: 69 where the nodes speak TLS with each other (rabbitmq.com/docs/clustering-ssl). erl_call does not, and would
# learn so only when the node has waited in vain for a greeting, which takes it seven seconds. The file is user rabbitmq's, and
# so is this shell.
unless_tls='conf=/etc/rabbitmq/rabbitmq-env.conf
if [ -f $conf ] && grep -Eqs "^[^#]*-proto_dist +inet6?_tls" $conf; then exit 69; fi
'
