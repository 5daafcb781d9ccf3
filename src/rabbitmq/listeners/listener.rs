//! One listener, and RabbitMQ's port numbers.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

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

    /// The setting that makes its listeners ask for the PROXY protocol's header. Streams have one in advanced.config only.
    pub fn proxy_key(self) -> Option<&'static str> {
        match self {
            Self::Amqp | Self::AmqpTls => Some("proxy_protocol"),
            Self::Mqtt | Self::MqttTls => Some("mqtt.proxy_protocol"),
            Self::Stomp | Self::StompTls => Some("stomp.proxy_protocol"),
            Self::WebMqtt | Self::WebMqttTls => Some("web_mqtt.proxy_protocol"),
            Self::WebStomp | Self::WebStompTls => Some("web_stomp.proxy_protocol"),
            Self::Management
            | Self::ManagementTls
            | Self::Prometheus
            | Self::PrometheusTls
            | Self::Stream
            | Self::StreamTls
            | Self::Distribution => None,
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

/// What a listener has to get before anything else on each connection, before TLS as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preamble {
    #[default]
    Nothing,
    /// The header of the PROXY protocol, in which a balancer says where the client is (rabbitmq.com/docs/networking, "Proxy
    /// Protocol"). A connection without it is closed.
    ProxyHeader,
}

/// One socket that a broker listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listener {
    pub service: Service,
    /// None: every address of the host.
    pub address: Option<IpAddr>,
    pub port: u16,
    #[serde(default)]
    pub preamble: Preamble,
}

impl Listener {
    /// As a running node reports it: `amqp`, `::`, `5672`.
    pub fn reported(protocol: &str, address: &str, port: &str) -> Option<Self> {
        let address = address.parse::<IpAddr>().ok().filter(|address| !address.is_unspecified());
        let (service, preamble) = (Service::reported(protocol)?, Preamble::Nothing);
        Some(Self { service, address, port: port.parse().ok()?, preamble })
    }

    /// A setting's value: `5672`, `192.168.0.41:5672`, `:::5672`, `[::1]:5672`. None for any other form, such as `none`.
    pub(super) fn parse(service: Service, value: &str) -> Option<Self> {
        let (address, port) = value.trim().rsplit_once(':').unwrap_or(("", value.trim()));
        let address = address.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        let address = address.filter(|address| !address.is_unspecified());
        let port = port.parse().ok().filter(|port| *port != 0)?;
        Some(Self { service, address, port, preamble: Preamble::Nothing })
    }

    /// The same where these settings of the PROXY protocol are on, by their keys in rabbitmq.conf.
    #[must_use]
    pub fn proxied_by(self, keys: &BTreeSet<&str>) -> Self {
        let is_on = self.service.proxy_key().is_some_and(|key| keys.contains(key));
        Self { preamble: if is_on { Preamble::ProxyHeader } else { Preamble::Nothing }, ..self }
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

/// The ports that its environment gives a node (`NODE_PORT`, `NODE_IP_ADDRESS`, `DIST_PORT`), if rabbitmq.conf does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodePorts {
    pub(super) amqp: Option<u16>,
    pub(super) address: Option<IpAddr>,
    pub(super) distribution: Option<u16>,
}

impl NodePorts {
    /// From the values of these variables in the broker's environment.
    pub fn of<'v>(value: impl Fn(&str) -> Option<&'v str>) -> Self {
        Self {
            amqp: value("NODE_PORT").and_then(|port| port.parse().ok()),
            address: value("NODE_IP_ADDRESS").and_then(|address| address.parse().ok()),
            distribution: value("DIST_PORT").and_then(|port| port.parse().ok()),
        }
    }

    pub(super) fn distribution(self) -> u16 {
        self.distribution.unwrap_or_else(|| self.amqp.unwrap_or(AMQP).saturating_add(ABOVE_AMQP))
    }
}
