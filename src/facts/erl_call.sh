# shellcheck shell=sh
# shellcheck disable=SC2016,SC2034  # `sh -c` runs it, in other files

# For `sh -c "$as_c_node" ERL_CALL ARGUMENT...`: erl_call under a name that no other call on this host uses now. Its own -r uses
# the time in seconds modulo 997 (erl_call.c), and a node refuses a second connection with the same name. The number of names is
# limited, since each of them stays in the node's atom table.
as_c_node='exec "$0" -h "rabbitup$(($$ % 4096))" "$@"'

# Runs first, with the same arguments (-sname NODE): exits with 69 if erl_call cannot connect to the node, by the arguments of nodes
# here. It does not support TLS (rabbitmq.com/docs/clustering-ssl), and would notice only when the node's handshake times out after
# seven seconds. It looks up names in IPv4 only (ei_gethostbyname in erl_interface), so with IPv6 it connects only to a node of this
# host, as localhost: the node listens on the addresses of both families, unless the kernel separates them. User rabbitmq owns the
# file and runs this shell.
unless_other_carrier='conf=/etc/rabbitmq/rabbitmq-env.conf
carrier=$([ ! -f $conf ] || grep -Eos "^[^#]*-proto_dist +inet6?_t[a-z]+" $conf | tail -n 1)
case $carrier in
  *_tls) exit 69 ;;
  *inet6_tcp)
    flag=$1 node=$2 own=$(uname -n)
    case $(cat /proc/sys/net/ipv6/bindv6only 2>/dev/null):${node#*@} in
      1:*) exit 69 ;;
      *:localhost | *:"$own" | *:"${own%%.*}") ;;
      *) exit 69 ;;
    esac
    shift 2
    set -- "$flag" "${node%@*}@localhost" "$@" ;;
esac
'
