//! What a broker listens on (rabbitmq.com/docs/networking, "Ports Used by RabbitMQ"): one model of it, read from rabbitmq.conf's
//! settings for what will be, and from a running node for what is in effect. RabbitMQ's port numbers stand only in this room.

mod keys;
mod listener;
mod offered;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use keys::Found;
pub(crate) use keys::{PROXY_KEYS, has_ui};
pub use listener::{
    AMQP, AMQP_TLS, EPMD, Listener, MANAGEMENT, MANAGEMENT_TLS, NodePorts, PortRange, Preamble, Service,
    TOOLS,
};
pub use offered::Offered;

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
        let last =
            number("distribution.listener.port_range.max").filter(|last| *last >= first).unwrap_or(first);
        Self {
            all: keys::read(settings, plugins, ports).into_iter().map(|found| found.listener).collect(),
            distribution: Some(PortRange { first, last }),
            path_prefix: path(value("management.path_prefix").unwrap_or_default()),
        }
    }

    /// The same with the key that each listener is from; none for a default.
    pub fn with_keys<'s>(settings: &[(&'s str, &'s str)], plugins: &[String]) -> Vec<Found<'s>> {
        keys::read(settings, plugins, NodePorts::default())
    }

    /// As a running node reports them.
    pub fn in_effect(reported: impl IntoIterator<Item = Listener>, path_prefix: &str) -> Self {
        let (nodes, all): (Vec<Listener>, Vec<Listener>) =
            reported.into_iter().partition(|listener| listener.service == Service::Distribution);
        let distribution =
            nodes.first().map(|listener| PortRange { first: listener.port, last: listener.port });
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
        let reachable =
            self.all.iter().filter(|listener| listener.is_reachable() && serves(listener.service));
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
            offered: Offered::ALL
                .into_iter()
                .filter_map(|offered| Some((offered, self.first(offered.service())?)))
                .collect(),
        }
    }

    /// The first listener of a kind that other hosts can reach.
    fn first(&self, service: Service) -> Option<Door> {
        let mut reachable = self.all.iter().filter(|listener| listener.is_reachable());
        let found = reachable.find(|listener| listener.service == service)?;
        Some(Door { port: found.port, preamble: found.preamble })
    }

    fn pick(&self, plain: Service, tls: Service, wanted: Option<Port>) -> Option<Port> {
        let of = |service, security| {
            let reachable = self.all.iter().filter(|listener| listener.is_reachable());
            reachable.filter(move |listener| listener.service == service).map(move |listener| Port {
                number: listener.port,
                security,
                preamble: listener.preamble,
            })
        };
        let all: Vec<Port> = of(plain, Security::Plain).chain(of(tls, Security::Tls)).collect();
        // What else it asks for can change while the port stays.
        let place = |port: &Port| (port.number, port.security);
        let like = wanted.and_then(|wanted| all.iter().find(|port| place(port) == place(&wanted)));
        like.or(all.first()).copied()
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
    /// What else it serves.
    pub offered: BTreeMap<Offered, Door>,
}

/// A port of something that a balancer passes through, and what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Door {
    pub port: u16,
    pub preamble: Preamble,
}

/// A port, and whether it speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    pub number: u16,
    pub security: Security,
    pub preamble: Preamble,
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
        Listeners::configured(
            settings,
            &plugins,
            NodePorts::of(|name| env.split_once('=').filter(|set| set.0 == name).map(|set| set.1.trim())),
        )
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
        assert!(
            read(&[], &["rabbitmq_shovel_management"], "").endpoint().management.is_some(),
            "a dependency"
        );
    }

    #[test]
    fn a_balancer_takes_the_first_listener_without_tls_else_the_first_with_it() {
        let amqp = |settings: &[(&str, &str)]| {
            read(settings, &[], "").endpoint().amqp.map(|port| (port.number, port.security))
        };
        assert_eq!(amqp(&[]), Some((5672, Security::Plain)));
        assert_eq!(amqp(&[("listeners.tcp.default", "5673")]), Some((5673, Security::Plain)));
        assert_eq!(
            amqp(&[("listeners.tcp.a", "127.0.0.1:1"), ("listeners.tcp.b", "2")]),
            Some((2, Security::Plain))
        );
        let tls = [("listeners.tcp", "none"), ("listeners.ssl.default", "5671")];
        assert_eq!(amqp(&tls), Some((5671, Security::Tls)));
        assert_eq!(amqp(&[("listeners.tcp", "none")]), None);
    }

    #[test]
    fn a_listener_asks_for_the_proxy_protocol_where_its_own_setting_says_so() {
        let asked = |settings: &[(&str, &str)]| {
            let endpoint = read(settings, &["rabbitmq_mqtt"], "").endpoint();
            (endpoint.amqp.map(|port| port.preamble), endpoint.offered[&Offered::Mqtt].preamble)
        };
        let header = Preamble::ProxyHeader;
        assert_eq!(asked(&[]), (Some(Preamble::Nothing), Preamble::Nothing));
        assert_eq!(asked(&[("proxy_protocol", "true")]), (Some(header), Preamble::Nothing));
        assert_eq!(asked(&[("mqtt.proxy_protocol", "true")]), (Some(Preamble::Nothing), header));
        let twice = [("proxy_protocol", "true"), ("proxy_protocol", "false")];
        assert_eq!(asked(&twice).0, Some(Preamble::Nothing), "the last one counts");
        let ports = [("listeners.tcp.a", "5672"), ("listeners.tcp.b", "5673")];
        let now = read(&ports[1..], &[], "").endpoint();
        let then = [ports[0], ports[1], ("proxy_protocol", "true")];
        let like = read(&then, &[], "").endpoint_like(&now).amqp.map(|port| (port.number, port.preamble));
        assert_eq!(like, Some((5673, header)), "its port is the same, whatever it asks for");
    }

    #[test]
    fn nodes_connect_to_each_other_where_the_first_of_three_places_says() {
        let range = |settings: &[(&str, &str)], env| {
            read(settings, &[], env).distribution().map(|range| range.to_string()).unwrap_or_default()
        };
        let moved = [
            ("distribution.listener.port_range.min", "25679"),
            ("distribution.listener.port_range.max", "25682"),
        ];
        assert_eq!(range(&[], ""), "25672");
        assert_eq!(range(&moved, "DIST_PORT=25700"), "25679-25682");
        assert_eq!(range(&moved[..1], ""), "25679");
        assert_eq!(range(&[], "DIST_PORT=25700"), "25700");
        assert_eq!(range(&[], "NODE_PORT=5700"), "25700");
        assert_eq!(
            range(&[("listeners.tcp.default", "5673")], ""),
            "25672",
            "clients' port does not move it"
        );
        assert_eq!(read(&[], &[], "NODE_PORT=5700\n").clients(), BTreeSet::from([5700]));
    }

    #[test]
    fn a_running_node_tells_what_is_in_effect() {
        let told = [
            ("clustering", "::", "25679"),
            ("amqp", "::", "5673"),
            ("http", "0.0.0.0", "15673"),
            ("odd", "::", "1"),
        ];
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
