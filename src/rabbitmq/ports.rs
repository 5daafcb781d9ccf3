//! The ports that a broker listens on (rabbitmq.com/docs/networking, "Ports Used by RabbitMQ").

use std::collections::BTreeSet;

/// epmd, Erlang's port mapper, which tells a node's port.
pub const EPMD: u16 = 4369;

/// Erlang distribution: the connections between nodes. The AMQP port plus 20000.
pub const DISTRIBUTION: u16 = 25672;

/// The command-line tools are nodes, too: the first and the last port on which they get answers from nodes of other hosts.
pub const TOOLS: (u16, u16) = (35672, 35682);

const AMQP: u16 = 5672;
const MANAGEMENT: u16 = 15672;
/// The usual port of the management UI over TLS.
pub const MANAGEMENT_TLS: u16 = 15671;

/// The ports for clients: AMQP, AMQP over TLS, and the management UI if its plugin is enabled, as rabbitmq.conf sets them.
pub fn of_clients<'s, S: Iterator<Item = (&'s str, &'s str)>>(
    settings: impl Fn() -> S,
    plugins: &[String],
) -> BTreeSet<u16> {
    let of = |prefix: &str| -> Vec<&str> {
        let listeners = settings().filter(|(key, _)| key.starts_with(prefix));
        listeners.map(|(_, value)| value).collect()
    };
    let mut ports: BTreeSet<u16> = of("listeners.ssl.").into_iter().filter_map(reachable).collect();
    match of("listeners.tcp").as_slice() {
        [] => _ = ports.insert(AMQP),
        given => ports.extend(given.iter().filter_map(|listener| reachable(listener))),
    }
    if plugins.iter().any(|name| name == "rabbitmq_management") {
        let given = [of("management.tcp.port"), of("management.ssl.port")].concat();
        match given.as_slice() {
            [] => _ = ports.insert(MANAGEMENT),
            given => ports.extend(given.iter().filter_map(|port| reachable(port))),
        }
    }
    ports
}

/// The port of a listener that others than this host can reach: `5672`, `192.168.0.41:5672`, `:::5672`; not `none`, not
/// `127.0.0.1:5672`.
fn reachable(listener: &str) -> Option<u16> {
    let (address, port) = listener.trim().rsplit_once(':').unwrap_or(("", listener.trim()));
    let address = address.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    if address.is_ok_and(|address| address.is_loopback()) { None } else { port.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(settings: &[(&str, &str)], plugins: &[&str]) -> Vec<u16> {
        let plugins: Vec<String> = plugins.iter().map(|name| (*name).to_owned()).collect();
        of_clients(|| settings.iter().copied(), &plugins).into_iter().collect()
    }

    #[test]
    fn a_broker_listens_where_its_configuration_says() {
        let management = ["rabbitmq_management"];
        assert_eq!(ports(&[], &[]), [5672]);
        assert_eq!(ports(&[], &management), [5672, 15672]);
        let tls = [("listeners.ssl.default", "5671"), ("management.ssl.port", "15671")];
        assert_eq!(ports(&tls, &management), [5671, 5672, 15671]);
        assert_eq!(ports(&[("listeners.tcp", "none"), tls[0]], &[]), [5671]);
        let some = [("listeners.tcp.a", "127.0.0.1:5673"), ("listeners.tcp.b", "192.168.0.41:5674")];
        assert_eq!(ports(&some, &[]), [5674]);
        assert_eq!(ports(&[("listeners.tcp.a", "::1:5673"), ("listeners.tcp.b", ":::5675")], &[]), [5675]);
    }
}
