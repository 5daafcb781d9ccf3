//! Which settings of rabbitmq.conf open which listeners: the schemas of RabbitMQ and of the plugins that it ships.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::listener::{AMQP, Listener, MANAGEMENT, MANAGEMENT_TLS, NodePorts, Preamble, Service};

/// A listener, and the setting that names it; none for a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'s> {
    pub listener: Listener,
    pub key: Option<&'s str>,
}

const UI: &str = "rabbitmq_management";

/// Plugins that need the management UI, so that it is enabled with them.
const NEED_UI: [&str; 5] = [
    "rabbitmq_federation_management",
    "rabbitmq_shovel_management",
    "rabbitmq_stream_management",
    "rabbitmq_top",
    "rabbitmq_tracing",
];

/// `PREFIX.NAME = PORT`, as many as one likes; `PREFIX = none` for none.
struct Named {
    plugin: Option<&'static str>,
    prefix: &'static str,
    service: Service,
    default: Option<u16>,
}

const NAMED: [Named; 8] = [
    Named { plugin: None, prefix: "listeners.tcp", service: Service::Amqp, default: Some(AMQP) },
    Named { plugin: None, prefix: "listeners.ssl", service: Service::AmqpTls, default: None },
    Named {
        plugin: Some("rabbitmq_mqtt"),
        prefix: "mqtt.listeners.tcp",
        service: Service::Mqtt,
        default: Some(1883),
    },
    Named {
        plugin: Some("rabbitmq_mqtt"),
        prefix: "mqtt.listeners.ssl",
        service: Service::MqttTls,
        default: None,
    },
    Named {
        plugin: Some("rabbitmq_stomp"),
        prefix: "stomp.listeners.tcp",
        service: Service::Stomp,
        default: Some(61613),
    },
    Named {
        plugin: Some("rabbitmq_stomp"),
        prefix: "stomp.listeners.ssl",
        service: Service::StompTls,
        default: None,
    },
    Named {
        plugin: Some("rabbitmq_stream"),
        prefix: "stream.listeners.tcp",
        service: Service::Stream,
        default: Some(5552),
    },
    Named {
        plugin: Some("rabbitmq_stream"),
        prefix: "stream.listeners.ssl",
        service: Service::StreamTls,
        default: None,
    },
];

/// One listener without TLS (`PREFIX.tcp.port`, `.ip`) and one with it (`PREFIX.ssl.port`, …).
struct Pair {
    plugin: &'static str,
    prefix: &'static str,
    plain: (Service, u16),
    /// Without a default port, only a setting that names one opens it.
    tls: (Service, Option<u16>),
    /// Whether the one without TLS exists beside one with TLS although no setting names it.
    plain_by_default: PlainByDefault,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PlainByDefault {
    Always,
    /// rabbit_mgmt_app and rabbit_prometheus_app, `get_listeners_config`.
    UnlessTls,
}

const PAIRS: [Pair; 4] = [
    Pair {
        plugin: UI,
        prefix: "management",
        plain: (Service::Management, MANAGEMENT),
        tls: (Service::ManagementTls, Some(MANAGEMENT_TLS)),
        plain_by_default: PlainByDefault::UnlessTls,
    },
    Pair {
        plugin: "rabbitmq_prometheus",
        prefix: "prometheus",
        plain: (Service::Prometheus, 15692),
        tls: (Service::PrometheusTls, Some(15691)),
        plain_by_default: PlainByDefault::UnlessTls,
    },
    Pair {
        plugin: "rabbitmq_web_mqtt",
        prefix: "web_mqtt",
        plain: (Service::WebMqtt, 15675),
        tls: (Service::WebMqttTls, None),
        plain_by_default: PlainByDefault::Always,
    },
    Pair {
        plugin: "rabbitmq_web_stomp",
        prefix: "web_stomp",
        plain: (Service::WebStomp, 15674),
        tls: (Service::WebStompTls, None),
        plain_by_default: PlainByDefault::Always,
    },
];

/// Whether the management UI runs with these plugins.
pub fn has_ui(plugins: &[String]) -> bool {
    has(plugins, UI)
}

fn has(plugins: &[String], plugin: &str) -> bool {
    let named = |name: &str| plugins.iter().any(|enabled| enabled == name);
    named(plugin) || (plugin == UI && NEED_UI.into_iter().any(named))
}

/// All client listeners, in the order of the settings within each service.
pub fn read<'s>(settings: &[(&'s str, &'s str)], plugins: &[String], ports: NodePorts) -> Vec<Found<'s>> {
    let proxied: BTreeSet<&str> = PROXY_KEYS
        .into_iter()
        .filter(|key| last(settings, key).is_some_and(|(_, value)| value == "true"))
        .collect();
    let settings = Settings(settings);
    let on = |plugin: Option<&str>| plugin.is_none_or(|plugin| has(plugins, plugin));
    let named = NAMED.iter().filter(|kind| on(kind.plugin)).flat_map(|kind| settings.named(kind, ports));
    let pairs = PAIRS.iter().filter(|kind| on(Some(kind.plugin))).flat_map(|kind| settings.pair(kind));
    let all = named.chain(pairs);
    all.map(|found| Found { listener: found.listener.proxied_by(&proxied), ..found }).collect()
}

/// The settings of [`Service::proxy_key`]; RabbitMQ before 3.8 has the first only.
pub(crate) const PROXY_KEYS: [&str; 5] = [
    "proxy_protocol",
    "mqtt.proxy_protocol",
    "stomp.proxy_protocol",
    "web_mqtt.proxy_protocol",
    "web_stomp.proxy_protocol",
];

/// A setting: the last of several counts.
fn last<'s>(settings: &[(&'s str, &'s str)], key: &str) -> Option<(&'s str, &'s str)> {
    settings.iter().rev().find(|(name, _)| *name == key).copied()
}

struct Settings<'a, 's>(&'a [(&'s str, &'s str)]);

impl<'s> Settings<'_, 's> {
    fn get(&self, key: &str) -> Option<(&'s str, &'s str)> {
        last(self.0, key)
    }

    fn below<'k>(&self, prefix: &'k str) -> impl Iterator<Item = (&'s str, &'s str)> + use<'_, 's, 'k> {
        let is_below = move |key: &str| key.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'));
        self.0.iter().copied().filter(move |(key, _)| is_below(key))
    }

    fn named(&self, kind: &Named, ports: NodePorts) -> Vec<Found<'s>> {
        if self.get(kind.prefix).is_some_and(|(_, value)| value == "none") {
            return Vec::new();
        }
        let mut given = self.below(kind.prefix).peekable();
        if given.peek().is_some() {
            let found = |(key, value)| {
                Some(Found { listener: Listener::parse(kind.service, value)?, key: Some(key) })
            };
            return given.filter_map(found).collect();
        }
        let Some(default) = kind.default else { return Vec::new() };
        let (address, port) = match kind.service {
            Service::Amqp => (ports.address, ports.amqp.unwrap_or(default)),
            _ => (None, default),
        };
        let address = address.filter(|address| !address.is_unspecified());
        vec![Found {
            listener: Listener { service: kind.service, address, port, preamble: Preamble::Nothing },
            key: None,
        }]
    }

    fn pair(&self, kind: &Pair) -> Vec<Found<'s>> {
        let of = |word: &str| format!("{}.{word}", kind.prefix);
        let has = |word: &str| self.below(&of(word)).next().is_some();
        let (plain, plain_port) = (kind.plain.0, Some(kind.plain.1));
        let mut found = Vec::new();
        // The management UI's older keys, which are for one listener with or without TLS.
        if kind.plugin == UI && has("listener") {
            let is_tls = self.get("management.listener.ssl").is_some_and(|(_, value)| value == "true");
            let (service, default) = if is_tls { kind.tls } else { (plain, plain_port) };
            found.extend(self.single(&of("listener"), service, default));
        } else if has("tcp") || kind.plain_by_default == PlainByDefault::Always || !has("ssl") {
            found.extend(self.single(&of("tcp"), plain, plain_port));
        }
        if has("ssl") {
            found.extend(self.single(&of("ssl"), kind.tls.0, kind.tls.1));
        }
        found
    }

    /// `PREFIX.port` and `PREFIX.ip`, or both in `PREFIX.listener`.
    fn single(&self, prefix: &str, service: Service, default: Option<u16>) -> Option<Found<'s>> {
        if let Some((key, value)) = self.get(&format!("{prefix}.listener")) {
            return Some(Found { listener: Listener::parse(service, value)?, key: Some(key) });
        }
        let port = self.get(&format!("{prefix}.port"));
        let address = self.get(&format!("{prefix}.ip")).and_then(|(_, value)| value.parse::<IpAddr>().ok());
        let address = address.filter(|address| !address.is_unspecified());
        let number = port.and_then(|(_, value)| value.parse().ok()).or(default)?;
        let listener = Listener { service, address, port: number, preamble: Preamble::Nothing };
        Some(Found { listener, key: port.map(|(key, _)| key) })
    }
}
