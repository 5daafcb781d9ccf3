//! What a broker listens on (rabbitmq.com/docs/networking, "Ports Used by RabbitMQ"): one model of it, read from rabbitmq.conf's
//! settings for what will be, and from a running node for what is in effect. RabbitMQ's port numbers stand only here.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::listener_keys;
pub use super::listener_keys::Found;

/// epmd, Erlang's port mapper, which tells a node's port.
pub const EPMD: u16 = 4369;

/// The command-line tools are nodes, too: the first and the last port on which they get answers from nodes of other hosts.
pub const TOOLS: PortRange = PortRange { first: 35672, last: 35682 };

/// The port for AMQP clients if nothing else is configured.
pub const AMQP: u16 = 5672;
/// The usual port for AMQP clients over TLS.
pub const AMQP_TLS: u16 = 5671;
/// The port of the management UI if nothing else is configured.
pub const MANAGEMENT: u16 = 15672;
/// The port of the management UI over TLS if its settings name none.
pub const MANAGEMENT_TLS: u16 = 15671;

/// A node without other settings takes its AMQP port plus this for Erlang distribution (rabbit_env, `dist_port`).
const ABOVE_AMQP: u16 = 20000;

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    Amqp,
    AmqpTls,
    Management,
    ManagementTls,
    Prometheus,
    PrometheusTls,
    Mqtt,
    MqttTls,
    Stomp,
    StompTls,
    Stream,
    StreamTls,
    WebMqtt,
    WebMqttTls,
    WebStomp,
    WebStompTls,
    /// Erlang distribution: the connections between nodes.
    Distribution,
}

impl Service {
    /// In a message.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Amqp => "AMQP",
            Self::AmqpTls => "AMQP over TLS",
            Self::Management => "the management UI",
            Self::ManagementTls => "the management UI over TLS",
            Self::Prometheus => "Prometheus metrics",
            Self::PrometheusTls => "Prometheus metrics over TLS",
            Self::Mqtt => "MQTT",
            Self::MqttTls => "MQTT over TLS",
            Self::Stomp => "STOMP",
            Self::StompTls => "STOMP over TLS",
            Self::Stream => "streams",
            Self::StreamTls => "streams over TLS",
            Self::WebMqtt => "MQTT over WebSockets",
            Self::WebMqttTls => "MQTT over WebSockets and TLS",
            Self::WebStomp => "STOMP over WebSockets",
            Self::WebStompTls => "STOMP over WebSockets and TLS",
            Self::Distribution => "the brokers' connections to each other",
        }
    }

    /// From the name under which a running node reports a listener; none for one that rabbitup does not know.
    fn reported(protocol: &str) -> Option<Self> {
        Some(match protocol {
            "amqp" => Self::Amqp,
            "amqp/ssl" => Self::AmqpTls,
            "http" => Self::Management,
            "https" => Self::ManagementTls,
            "http/prometheus" => Self::Prometheus,
            "https/prometheus" => Self::PrometheusTls,
            "mqtt" => Self::Mqtt,
            "mqtt/ssl" => Self::MqttTls,
            "stomp" => Self::Stomp,
            "stomp/ssl" => Self::StompTls,
            "stream" => Self::Stream,
            "stream/ssl" => Self::StreamTls,
            "http/web-mqtt" => Self::WebMqtt,
            "https/web-mqtt" => Self::WebMqttTls,
            "http/web-stomp" => Self::WebStomp,
            "https/web-stomp" => Self::WebStompTls,
            "clustering" => Self::Distribution,
            _ => return None,
        })
    }
}

/// One socket that a broker listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listener {
    pub service: Service,
    /// None: every address of the host.
    pub address: Option<IpAddr>,
    pub port: u16,
}

impl Listener {
    /// As a running node reports it: `amqp`, `::`, `5672`.
    pub fn reported(protocol: &str, address: &str, port: &str) -> Option<Self> {
        let address = address.parse::<IpAddr>().ok().filter(|address| !address.is_unspecified());
        Some(Self { service: Service::reported(protocol)?, address, port: port.parse().ok()? })
    }

    /// A setting's value: `5672`, `192.168.0.41:5672`, `:::5672`, `[::1]:5672`. None for any other form, such as `none`.
    pub(super) fn parse(service: Service, value: &str) -> Option<Self> {
        let (address, port) = value.trim().rsplit_once(':').unwrap_or(("", value.trim()));
        let address = address.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        let address = address.filter(|address| !address.is_unspecified());
        Some(Self { service, address, port: port.parse().ok().filter(|port| *port != 0)? })
    }

    /// Whether other hosts can connect to it.
    pub fn is_reachable(&self) -> bool {
        self.address.is_none_or(|address| !address.is_loopback())
    }

    /// Whether two listeners cannot both be opened.
    pub fn excludes(&self, other: &Self) -> bool {
        let overlap = self.address.is_none() || other.address.is_none() || self.address == other.address;
        self.port == other.port && overlap
    }
}

/// A range of ports, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRange {
    pub first: u16,
    pub last: u16,
}

impl PortRange {
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// The port, if it is only one.
    pub fn single(self) -> Option<u16> {
        (self.first == self.last).then_some(self.first)
    }
}

impl std::fmt::Display for PortRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.single() {
            Some(port) => write!(f, "{port}"),
            None => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

/// The ports that rabbitmq-env.conf gives a node (`NODE_PORT`, `NODE_IP_ADDRESS`, `DIST_PORT`), if rabbitmq.conf does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodePorts {
    pub(super) amqp: Option<u16>,
    pub(super) address: Option<IpAddr>,
    pub(super) distribution: Option<u16>,
}

impl NodePorts {
    /// Reads the assignments of a rabbitmq-env.conf; the last of two counts.
    pub fn of_env_file(text: &str) -> Self {
        let mut ports = Self::default();
        for line in text.lines() {
            let line = line.trim();
            let Some((name, value)) = line.strip_prefix("export ").unwrap_or(line).split_once('=') else {
                continue;
            };
            let value = value.split(['#', ';']).next().unwrap_or_default().trim().trim_matches(['"', '\'']);
            match name.trim().strip_prefix("RABBITMQ_").unwrap_or(name.trim()) {
                "NODE_PORT" => ports.amqp = value.parse().ok(),
                "NODE_IP_ADDRESS" => ports.address = value.parse().ok(),
                "DIST_PORT" => ports.distribution = value.parse().ok(),
                _ => {}
            }
        }
        ports
    }

    fn distribution(self) -> u16 {
        self.distribution.unwrap_or_else(|| self.amqp.unwrap_or(AMQP).saturating_add(ABOVE_AMQP))
    }
}

/// Everything that a broker listens on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listeners {
    /// In the order of the settings.
    all: Vec<Listener>,
    /// The ports from which a node takes one for Erlang distribution. None: unknown.
    distribution: Option<PortRange>,
    /// The management UI's path, such as `/mq`; empty without one.
    path_prefix: String,
}

impl Listeners {
    /// As a node will listen that reads these settings of rabbitmq.conf, with these plugins.
    pub fn configured(settings: &[(&str, &str)], plugins: &[String], ports: NodePorts) -> Self {
        let value = |key: &str| settings.iter().rev().find(|(name, _)| *name == key).map(|(_, value)| *value);
        let number = |key: &str| value(key).and_then(|text| text.parse::<u16>().ok());
        let first = number("distribution.listener.port_range.min").unwrap_or_else(|| ports.distribution());
        // Without a maximum, Erlang takes the minimum for it (kernel, `inet_dist_listen_max`).
        let last = number("distribution.listener.port_range.max").filter(|last| *last >= first).unwrap_or(first);
        Self {
            all: listener_keys::read(settings, plugins, ports).into_iter().map(|found| found.listener).collect(),
            distribution: Some(PortRange { first, last }),
            path_prefix: path(value("management.path_prefix").unwrap_or_default()),
        }
    }

    /// The same with the key that each listener is from; none for a default.
    pub fn with_keys<'s>(settings: &[(&'s str, &'s str)], plugins: &[String]) -> Vec<Found<'s>> {
        listener_keys::read(settings, plugins, NodePorts::default())
    }

    /// As a running node reports them.
    pub fn in_effect(reported: impl IntoIterator<Item = Listener>, path_prefix: &str) -> Self {
        let (nodes, all): (Vec<Listener>, Vec<Listener>) =
            reported.into_iter().partition(|listener| listener.service == Service::Distribution);
        let distribution = nodes.first().map(|listener| PortRange { first: listener.port, last: listener.port });
        Self { all, distribution, path_prefix: path(path_prefix) }
    }

    /// Whether nothing is known, as of a node that did not report its listeners.
    pub fn is_unknown(&self) -> bool {
        self.all.is_empty() && self.distribution.is_none()
    }

    pub fn distribution(&self) -> Option<PortRange> {
        self.distribution
    }

    /// The ports on which clients of other hosts are served: AMQP and the management UI, each with and without TLS.
    pub fn clients(&self) -> BTreeSet<u16> {
        use Service::{Amqp, AmqpTls, Management, ManagementTls};
        let serves = |service| [Amqp, AmqpTls, Management, ManagementTls].contains(&service);
        let reachable = self.all.iter().filter(|listener| listener.is_reachable() && serves(listener.service));
        reachable.map(|listener| listener.port).collect()
    }

    /// Where a load balancer reaches this broker.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint_like(&Endpoint::default())
    }

    /// The same, where a listener that serves as in `wanted` is preferred over the first.
    pub fn endpoint_like(&self, wanted: &Endpoint) -> Endpoint {
        Endpoint {
            amqp: self.pick(Service::Amqp, Service::AmqpTls, wanted.amqp),
            management: self.pick(Service::Management, Service::ManagementTls, wanted.management),
            path_prefix: self.path_prefix.clone(),
        }
    }

    fn pick(&self, plain: Service, tls: Service, wanted: Option<Port>) -> Option<Port> {
        let of = |service, security| {
            let reachable = self.all.iter().filter(|listener| listener.is_reachable());
            reachable.filter(move |listener| listener.service == service).map(move |listener| Port {
                number: listener.port,
                security,
            })
        };
        let all: Vec<Port> = of(plain, Security::Plain).chain(of(tls, Security::Tls)).collect();
        wanted.filter(|port| all.contains(port)).or_else(|| all.first().copied())
    }
}

/// A path as a balancer's check asks for it: with a slash before it and none after it.
fn path(prefix: &str) -> String {
    match prefix.trim_matches('/') {
        "" => String::new(),
        prefix => format!("/{prefix}"),
    }
}

/// Where a load balancer reaches one broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// The first AMQP listener without TLS that other hosts can reach, else the first with TLS, which a balancer passes through.
    pub amqp: Option<Port>,
    /// The management UI's; none where it is not enabled.
    pub management: Option<Port>,
    /// The UI's path, such as `/mq`; empty without one.
    pub path_prefix: String,
}

/// A port, and whether it speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    pub number: u16,
    pub security: Security,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    #[default]
    Plain,
    Tls,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)], plugins: &[&str], env: &str) -> Listeners {
        let plugins: Vec<String> = plugins.iter().map(|name| (*name).to_owned()).collect();
        Listeners::configured(settings, &plugins, NodePorts::of_env_file(env))
    }

    fn clients(settings: &[(&str, &str)], plugins: &[&str]) -> Vec<u16> {
        read(settings, plugins, "").clients().into_iter().collect()
    }

    const UI: [&str; 1] = ["rabbitmq_management"];

    #[test]
    fn a_broker_listens_where_its_configuration_says() {
        assert_eq!(clients(&[], &[]), [5672]);
        assert_eq!(clients(&[], &UI), [5672, 15672]);
        let tls = [("listeners.ssl.default", "5671"), ("management.ssl.port", "15671")];
        assert_eq!(clients(&tls, &UI), [5671, 5672, 15671]);
        assert_eq!(clients(&[("listeners.tcp", "none"), tls[0]], &[]), [5671]);
        let some = [("listeners.tcp.a", "127.0.0.1:5673"), ("listeners.tcp.b", "192.168.0.41:5674")];
        assert_eq!(clients(&some, &[]), [5674]);
        assert_eq!(clients(&[("listeners.tcp.a", "::1:5673"), ("listeners.tcp.b", ":::5675")], &[]), [5675]);
    }

    /// rabbit_mgmt_app, `get_listeners_config`: the port without TLS is a default only while nothing else is configured.
    #[test]
    fn the_management_ui_listens_where_its_keys_say() {
        let ui = |settings: &[(&str, &str)]| {
            let endpoint = read(settings, &UI, "").endpoint();
            (endpoint.management.map(|port| (port.number, port.security)), endpoint.path_prefix)
        };
        let plain = |number| Some((number, Security::Plain));
        assert_eq!(ui(&[]), (plain(15672), String::new()));
        assert_eq!(ui(&[("management.tcp.port", "15673")]).0, plain(15673));
        assert_eq!(ui(&[("management.listener.port", "15674")]).0, plain(15674), "the older key");
        let legacy = [("management.listener.port", "443"), ("management.listener.ssl", "true")];
        assert_eq!(ui(&legacy).0, Some((443, Security::Tls)));
        assert_eq!(ui(&[("management.ssl.certfile", "/a.pem")]).0, Some((15671, Security::Tls)));
        assert_eq!(ui(&[("management.tcp.ip", "127.0.0.1")]).0, None);
        assert_eq!(ui(&[("management.path_prefix", "mq/")]).1, "/mq");
        assert_eq!(read(&[], &[], "").endpoint().management, None, "without its plugin");
        assert!(read(&[], &["rabbitmq_shovel_management"], "").endpoint().management.is_some(), "a dependency");
    }

    #[test]
    fn a_balancer_takes_the_first_listener_without_tls_else_the_first_with_it() {
        let amqp = |settings: &[(&str, &str)]| {
            read(settings, &[], "").endpoint().amqp.map(|port| (port.number, port.security))
        };
        assert_eq!(amqp(&[]), Some((5672, Security::Plain)));
        assert_eq!(amqp(&[("listeners.tcp.default", "5673")]), Some((5673, Security::Plain)));
        assert_eq!(amqp(&[("listeners.tcp.a", "127.0.0.1:1"), ("listeners.tcp.b", "2")]), Some((2, Security::Plain)));
        let tls = [("listeners.tcp", "none"), ("listeners.ssl.default", "5671")];
        assert_eq!(amqp(&tls), Some((5671, Security::Tls)));
        assert_eq!(amqp(&[("listeners.tcp", "none")]), None);
    }

    #[test]
    fn nodes_connect_to_each_other_where_the_first_of_three_places_says() {
        let range = |settings: &[(&str, &str)], env| {
            read(settings, &[], env).distribution().map(|range| range.to_string()).unwrap_or_default()
        };
        let moved =
            [("distribution.listener.port_range.min", "25679"), ("distribution.listener.port_range.max", "25682")];
        assert_eq!(range(&[], ""), "25672");
        assert_eq!(range(&moved, "DIST_PORT=25700"), "25679-25682");
        assert_eq!(range(&moved[..1], ""), "25679");
        assert_eq!(range(&[], "RABBITMQ_DIST_PORT=\"25700\" # fixed\n"), "25700");
        assert_eq!(range(&[], "export NODE_PORT=5700\n"), "25700");
        assert_eq!(range(&[("listeners.tcp.default", "5673")], ""), "25672", "clients' port does not move it");
        assert_eq!(read(&[], &[], "NODE_PORT=5700\n").clients(), BTreeSet::from([5700]));
    }

    #[test]
    fn a_running_node_tells_what_is_in_effect() {
        let told = [("clustering", "::", "25679"), ("amqp", "::", "5673"), ("http", "0.0.0.0", "15673"), ("odd", "::", "1")];
        let listeners = told.iter().filter_map(|(protocol, at, port)| Listener::reported(protocol, at, port));
        let seen = Listeners::in_effect(listeners, "/mq");
        let settings = [
            ("listeners.tcp.default", "5673"),
            ("management.tcp.port", "15673"),
            ("management.path_prefix", "/mq"),
            ("distribution.listener.port_range.min", "25679"),
        ];
        assert_eq!(seen, read(&settings, &UI, ""));
        assert!(Listeners::default().is_unknown() && !seen.is_unknown());
    }
}
