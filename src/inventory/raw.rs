//! The inventory as written. `rabbitup schema inventory` prints these docstrings.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU16;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::raw_addresses::AddressList;
use super::raw_values::{ConfigTable, CookieSetting, DurationText, SecretSetting};
use super::{BalancerCheck, Become, GuestSetting, HostKeys, JoinMethod};
use crate::balancer::Software;
use crate::document::At;
use crate::model::{NameMode, NodeType, Role};
use crate::rabbitmq::listeners::Offered;
use crate::template::TemplateName;

/// The desired state of one RabbitMQ cluster: its hosts, what runs on them, and how to reach them.
///
/// Every path in it is relative to the inventory's own directory; `~/` is the home directory.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "the inventory")]
pub struct RawInventory {
    /// The cluster: its name, plugins, cookie, configuration.
    pub cluster: Option<RawCluster>,
    /// Which packages are installed.
    pub package: Option<RawPackage>,
    /// How hosts are reached.
    pub ssh: Option<RawSsh>,
    /// How clocks are synchronised.
    pub time: Option<RawTime>,
    /// Whether /etc/hosts gets the cluster's host names.
    pub hosts_file: Option<RawHostsFile>,
    /// Whether the hosts' firewalls are opened for what the cluster needs.
    pub firewall: Option<RawFirewall>,
    /// One table for each host, in the order of joining; the first broker is the seed node. `rabbitup init HOST…`
    /// writes them.
    pub host: Vec<At<RawHost>>,
    /// The load balancer in front of the brokers, on the hosts with the role load-balancer.
    pub load_balancer: Option<At<RawLoadBalancer>>,
    /// Paths of your own templates that replace the built-in ones.
    pub templates: Option<RawTemplates>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCluster {
    /// The cluster's name; without it the cluster keeps its name.
    pub name: Option<At<String>>,
    /// Exactly the plugins to enable; without it plugins stay unchanged.
    pub plugins: Option<Vec<At<String>>>,
    /// The Erlang cookie: "seed" (the default), "generate", or { from = … } a file, command or env.
    pub cookie: Option<At<CookieSetting>>,
    /// Whether node names use short host names (node1) or long ones (node1.example.com).
    pub names: Option<NameMode>,
    /// The broker's limit of open files (LimitNOFILE); RabbitMQ recommends at least 50000.
    #[schemars(range(min = 1024, max = 1_073_741_816))]
    pub file_descriptors: Option<u64>,
    /// How a blank node enters: at its first start, or by `rabbitmqctl join_cluster`.
    pub join: Option<JoinMethod>,
    /// A definitions file in RabbitMQ's export format, imported if it differs.
    pub definitions: Option<At<String>>,
    /// The administrator to create, with a password from a secret source.
    pub admin: Option<RawAdmin>,
    /// RabbitMQ's own user guest: "close" (the default) removes its well-known password if `admin` is set, "keep" leaves it.
    pub guest: Option<GuestSetting>,
    /// Lines of rabbitmq.conf; nested tables join with dots.
    pub config: Option<ConfigTable>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAdmin {
    /// The user's name.
    pub user: At<String>,
    /// The user's password: { from = "env", name = … }, or from a file or a command.
    pub password: At<SecretSetting>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPackage {
    /// The rabbitmq-server version to install: "4.0.*", "4.0.5" or a full package version.
    pub version: Option<At<String>>,
    /// Whether rabbitmq-server and Erlang are held against unwanted upgrades.
    pub hold: Option<bool>,
    /// The fingerprints of keys that dnf may accept from a repository's gpgkey address, on RPM hosts.
    pub keys: Option<Vec<At<String>>>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSsh {
    /// The login; without it ssh's own configuration decides.
    pub user: Option<At<String>>,
    /// The port; without it ssh's own configuration decides.
    pub port: Option<NonZeroU16>,
    /// The private key (`ssh -i`).
    pub identity: Option<At<String>>,
    /// An ssh configuration file that replaces yours and the system's (`ssh -F`).
    pub config: Option<At<String>>,
    /// A jump host (`ssh -J`).
    pub jump: Option<At<String>>,
    /// Whether to trust new hosts: "strict" (no, the default) or "accept-new".
    pub host_keys: Option<HostKeys>,
    /// How to become root: "auto" (the default), "root", "sudo" or "doas".
    pub r#become: Option<Become>,
    /// How long to wait for a connection: "10s".
    pub connect_timeout: Option<At<DurationText>>,
    /// How long a connection stays open after a run: "1m"; "0s" closes it.
    pub persist: Option<At<DurationText>>,
}

/// `[ssh]` of one host: overrides the inventory's settings.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHostSsh {
    /// The destination for ssh instead of the address: a name, or an alias in its configuration.
    pub host: Option<At<String>>,
    /// The login; without it ssh's own configuration decides.
    pub user: Option<At<String>>,
    /// The port; without it ssh's own configuration decides.
    pub port: Option<NonZeroU16>,
    /// The private key (`ssh -i`).
    pub identity: Option<At<String>>,
    /// An ssh configuration file that replaces yours and the system's (`ssh -F`).
    pub config: Option<At<String>>,
    /// A jump host (`ssh -J`).
    pub jump: Option<At<String>>,
    /// Whether to trust new hosts: "strict" (no, the default) or "accept-new".
    pub host_keys: Option<HostKeys>,
    /// How to become root: "auto" (the default), "root", "sudo" or "doas".
    pub r#become: Option<Become>,
    /// How long to wait for a connection: "10s".
    pub connect_timeout: Option<At<DurationText>>,
    /// How long a connection stays open after a run: "1m"; "0s" closes it.
    pub persist: Option<At<DurationText>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTime {
    /// Whether rabbitup manages the time service (the default) or only checks the clock.
    pub manage: Option<bool>,
    /// The NTP servers: hosts of this inventory, or others. Without it, the hosts with the role time-source; if there are none,
    /// each host keeps its own configuration.
    pub servers: Option<Vec<At<String>>>,
    /// The largest acceptable clock offset: "250ms".
    pub max_offset: Option<At<DurationText>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHostsFile {
    /// Whether rabbitup writes the cluster's host names to /etc/hosts (the default), or only checks that every name resolves to its
    /// address in this inventory.
    pub manage: Option<bool>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFirewall {
    /// Whether rabbitup opens the ports that the hosts of this inventory need, in firewalld, ufw or nftables; otherwise (the
    /// default) firewalls are left alone.
    pub manage: Option<bool>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHost {
    /// The host's name, which becomes its host name: "node1".
    pub name: At<String>,
    /// The address at which the other hosts reach it: "192.168.0.41".
    pub address: At<String>,
    /// The host's roles: "broker", "load-balancer", "time-source".
    pub roles: Vec<At<Role>>,
    /// Where the node stores metadata, on versions with node types (up to 4.2).
    pub node_type: Option<At<NodeType>>,
    /// SSH settings of this host only.
    pub ssh: Option<RawHostSsh>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLoadBalancer {
    /// "haproxy" (the default) or "nginx".
    pub software: Option<Software>,
    /// How connections are distributed: "roundrobin", "leastconn", "source"…
    pub balance: Option<At<String>>,
    /// The port for AMQP clients (5672).
    pub amqp_port: Option<At<NonZeroU16>>,
    /// The port for the management UI (15672 if its plugin is enabled).
    pub management_port: Option<At<NonZeroU16>>,
    /// More listeners, such as { serves = "mqtt" }.
    pub listeners: Option<Vec<At<RawListener>>>,
    /// The load balancer's addresses on which its listeners accept clients; without it, all of them.
    pub bind: Option<Vec<At<IpAddr>>>,
    /// The timeout of idle client connections: "3h".
    pub client_timeout: Option<At<DurationText>>,
    /// Time between two health checks of a broker: "2s".
    pub check_interval: Option<At<DurationText>>,
    /// What a health check asks: "health" (the default), the broker itself; "connect", only whether its AMQP port accepts connections.
    pub check: Option<At<BalancerCheck>>,
    /// How many clients may be connected at once, over all listeners. Without it HAProxy takes what its limit of open files allows; nginx 20000.
    #[schemars(range(min = 100, max = 1_000_000))]
    pub max_connections: Option<u32>,
    /// HAProxy's statistics page; without a login it listens on the load balancer's loopback address only.
    pub stats: Option<At<RawStats>>,
    /// An address, or a list of them, that one of several load balancers holds and another takes over: "192.168.0.40/24".
    pub vip: Option<AddressList>,
    /// The interface for it; without it, on each host the one that has an address in the same network.
    pub interface: Option<At<String>>,
    /// The number of its virtual router, the same on all load balancers of a cluster; without it, it follows from the address.
    #[schemars(range(min = 1, max = 255))]
    pub router_id: Option<At<u8>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawListener {
    /// What clients speak there with a broker, which the load balancer passes through.
    pub serves: At<Offered>,
    /// Its port; without it, the one that clients expect.
    pub port: Option<At<NonZeroU16>>,
    /// The addresses on which it accepts clients; without it, those of the load balancer's `bind`.
    pub bind: Option<Vec<At<IpAddr>>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawStats {
    /// The port of the page.
    pub port: At<NonZeroU16>,
    /// Whether /metrics on that port serves HAProxy's metrics to Prometheus (true).
    pub metrics: Option<bool>,
    /// Its user; without one, it is reachable only on the load balancer itself.
    pub user: Option<At<String>>,
    /// The user's password: { from = "env", name = … }, or from a file or a command.
    pub password: Option<At<SecretSetting>>,
}

/// A path for each template, by its word.
#[derive(Debug, Default)]
pub struct RawTemplates(pub BTreeMap<TemplateName, At<String>>);

impl<'de> Deserialize<'de> for RawTemplates {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given: BTreeMap<String, At<String>> = BTreeMap::deserialize(deserializer)?;
        let known = |(word, path): (String, At<String>)| {
            let name = TemplateName::all().find(|name| name.as_str() == word);
            name.map(|name| (name, path))
                .ok_or_else(|| serde::de::Error::custom(format!("there is no template {word}")))
        };
        given.into_iter().map(known).collect::<Result<_, _>>().map(Self)
    }
}

impl JsonSchema for RawTemplates {
    fn schema_name() -> Cow<'static, str> {
        "RawTemplates".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let property = |name: TemplateName| {
            let schema = serde_json::json!({ "description": name.about(), "type": "string" });
            (name.as_str().to_owned(), schema)
        };
        let properties: serde_json::Map<_, _> = TemplateName::all().map(property).collect();
        json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
    }
}
