//! What carries connections between nodes: Erlang's `-proto_dist` (erl(1); rabbitmq.com/docs/networking, "IPv6").

use crate::model::AddressFamily;

/// The variables of the environment file with the arguments of the broker's and of the tools' Erlang VM.
pub const ERL_ARGS: [&str; 2] = ["SERVER_ADDITIONAL_ERL_ARGS", "CTL_ERL_ARGS"];
/// The variable that names the file with Erlang's settings for names (ERTS User's Guide, "Inet Configuration").
pub const INETRC: &str = "ERL_INETRC";
/// That file, if rabbitup writes it.
pub const INETRC_FILE: &str = "/etc/rabbitmq/erl_inetrc";
/// Makes Erlang look for IPv6 addresses of names.
pub const INETRC_TEXT: &str = "{inet6, true}.\n";

const FLAG: &str = "-proto_dist";
/// The carriers over IPv4, and the same ones over IPv6.
const CARRIERS: [(&str, &str); 2] = [("inet_tcp", "inet6_tcp"), ("inet_tls", "inet6_tls")];

/// The address family that these arguments choose; none if they leave it to Erlang, which then uses IPv4.
pub fn family_of_arguments(arguments: &str) -> Option<AddressFamily> {
    let mut words = arguments.split([' ', '\t', '"', '\'']).filter(|word| !word.is_empty());
    let carrier = words.by_ref().skip_while(|word| *word != FLAG).nth(1)?;
    family_of_carrier(carrier)
}

/// The address family of a value of `-proto_dist`.
pub fn family_of_carrier(carrier: &str) -> Option<AddressFamily> {
    CARRIERS.iter().find_map(|(v4, v6)| match carrier {
        _ if carrier == *v4 => Some(AddressFamily::Ipv4),
        _ if carrier == *v6 => Some(AddressFamily::Ipv6),
        _ => None,
    })
}

/// The argument that chooses IPv6.
pub fn over_ipv6() -> String {
    format!("{FLAG} {}", CARRIERS[0].1)
}

/// A line of arguments with each carrier over IPv4 replaced by the same one over IPv6. There must be one `-proto_dist` only: Erlang
/// ignores it if it is given twice (kernel's net_kernel.erl, `protocol_childspecs/0`).
pub fn moved_to_ipv6(line: &str) -> String {
    CARRIERS.iter().fold(line.to_owned(), |line, (v4, v6)| {
        line.replace(&format!("{FLAG} {v4}"), &format!("{FLAG} {v6}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_is_that_of_the_argument() {
        for (arguments, family) in [
            ("", None),
            ("+P 1048576", None),
            ("-proto_dist inet6_tcp", Some(AddressFamily::Ipv6)),
            ("+K true -proto_dist inet_tls -ssl_dist_optfile /etc/ssl.conf", Some(AddressFamily::Ipv4)),
            ("\"-proto_dist inet6_tls\"", Some(AddressFamily::Ipv6)),
            ("-proto_dist", None),
            ("-proto_dist gen_tcp", None),
        ] {
            assert_eq!(family_of_arguments(arguments), family, "{arguments}");
        }
        assert_eq!(
            moved_to_ipv6("A=\"-proto_dist inet_tls -ssl_dist_optfile inet_tls\""),
            "A=\"-proto_dist inet6_tls -ssl_dist_optfile inet_tls\""
        );
        assert_eq!(family_of_arguments(&over_ipv6()), Some(AddressFamily::Ipv6));
    }
}
