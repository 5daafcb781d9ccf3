use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{Admin, CommandSecret};
use crate::balancer::{Algorithm, Software};
use crate::model::{
    HostName, KeyFingerprint, NameMode, NodeName, NodeType, Role, SecretName, SecretSource, Secrets,
    VersionSpec,
};
use crate::rabbitmq::Defined;
use crate::rabbitmq::listeners::{Listeners, NodePorts, Offered};
use crate::virtual_address::NetworkAddress;

/// The desired state: a checked inventory with every default filled in.
#[derive(Clone, Debug)]
pub struct Desired {
    pub cluster: Cluster,
    pub package: Package,
    pub time: Time,
    pub hosts_file: HostsFileSetting,
    pub firewall: FirewallSetting,
    /// In the inventory's order, in which they join. At least one is a broker.
    pub hosts: Vec<Host>,
    pub load_balancer: Option<LoadBalancer>,
    /// The secrets that the controller has. The cookie is absent if it comes from the seed node.
    pub secrets: Secrets,
    /// The source of each secret, for saved plans.
    pub secret_sources: BTreeMap<SecretName, SecretSource>,
    /// The secrets from commands that have not run yet: see [`CommandSecret`].
    pub commands: BTreeMap<SecretName, CommandSecret>,
    /// The user's template texts that replace the built-in ones, by template name.
    pub templates: BTreeMap<String, String>,
    /// A node that is to leave the cluster, regardless of its host's roles: set by the playbooks that remove one.
    pub leaving: Option<NodeName>,
}

#[derive(Clone, Debug)]
pub struct Cluster {
    /// None: the cluster keeps its name.
    pub name: Option<String>,
    /// Exactly the plugins to enable, sorted; None: plugins stay unchanged.
    pub plugins: Option<Vec<String>>,
    pub cookie: CookieSource,
    pub names: NameMode,
    /// The entries of rabbitmq.conf in the inventory's order (nested tables joined with dots).
    pub config: Vec<ConfigEntry>,
    /// LimitNOFILE of the broker's unit; None: the package's default.
    pub file_descriptors: Option<u64>,
    pub definitions: Option<Definitions>,
    pub admin: Option<Admin>,
    pub guest: GuestSetting,
    /// How blank nodes enter the cluster.
    pub join: JoinMethod,
}

impl Cluster {
    /// What a broker listens on with these settings; `ports` are those of its host's rabbitmq-env.conf. While plugins stay
    /// unchanged, the management UI is taken to be where the settings have it.
    pub fn listeners(&self, ports: NodePorts) -> Listeners {
        Listeners::configured(&self.settings(), &self.plugins_or_ui(), ports)
    }

    /// The settings of rabbitmq.conf that are no secrets.
    pub(super) fn settings(&self) -> Vec<(&str, &str)> {
        let mut settings = Vec::new();
        for ConfigEntry { key, value } in &self.config {
            match value {
                ConfigValue::Text(value) => settings.push((key.as_str(), value.as_str())),
                ConfigValue::Secret(_) => {}
            }
        }
        settings
    }

    pub(super) fn plugins_or_ui(&self) -> Vec<String> {
        self.plugins.clone().unwrap_or_else(|| vec!["rabbitmq_management".to_owned()])
    }
}

/// How a node that has never started enters the cluster.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum JoinMethod {
    /// At its first start, by discovering the seed node (`cluster_formation` in rabbitmq.conf).
    #[default]
    FirstStart,
    /// Started alone, then by `rabbitmqctl join_cluster`.
    Command,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CookieSource {
    /// The seed node's own; generated if it has no usable one.
    Seed,
    Generate,
    /// Given in the inventory: it is in [`Desired::secrets`].
    Given,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    pub key: String,
    pub value: ConfigValue,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigValue {
    /// As written in rabbitmq.conf, on one line.
    Text(String),
    /// In [`Desired::secrets`] under this name.
    Secret(SecretName),
}

/// RabbitMQ's own export format, imported if it differs. Its bytes, which may contain password hashes, are in
/// [`Desired::secrets`] under [`Definitions::secret`].
#[derive(Clone, Debug)]
pub struct Definitions {
    pub path: PathBuf,
    pub vhosts: Vec<String>,
    pub users: Vec<String>,
    /// `VHOST/NAME`.
    pub policies: Vec<String>,
    /// What a version of RabbitMQ may refuse.
    pub(crate) defined: Vec<Defined>,
    pub(crate) references: References,
    /// MD5 of the bytes, in hexadecimal: stored in the cluster after an import.
    pub digest: String,
}

/// The names that items of a definitions file refer to, each with the first item that does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    pub vhosts: BTreeMap<String, String>,
    pub users: BTreeMap<String, String>,
}

impl Definitions {
    pub fn secret() -> SecretName {
        SecretName::new("definitions")
    }
}

/// What to do with RabbitMQ's user guest, whose default password is public.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum GuestSetting {
    /// Its password is removed if the inventory declares an administrator.
    #[default]
    Close,
    /// It stays unchanged.
    Keep,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// rabbitmq-server; None: the version in the host's repositories, or the installed one.
    pub version: Option<VersionSpec>,
    /// Whether rabbitmq-server and Erlang are held against unwanted upgrades; None: holds stay unchanged.
    pub hold: Option<bool>,
    /// The keys that dnf may accept from a repository's gpgkey address.
    pub keys: Vec<KeyFingerprint>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time {
    /// Whether rabbitup manages the time service.
    pub manage: bool,
    pub servers: Vec<TimeServer>,
    pub max_offset: Duration,
}

/// What happens to /etc/hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostsFileSetting {
    /// It gets a block with the inventory's hosts.
    #[default]
    Managed,
    /// Nothing: every name must resolve to its address already.
    LeftAlone,
}

/// What happens to the hosts' firewalls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirewallSetting {
    /// Nothing: they are neither inspected nor changed.
    #[default]
    LeftAlone,
    /// The ports that the inventory needs are opened, for those who need them.
    Managed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeServer {
    /// A host of this inventory.
    Host(HostName),
    /// A name or address outside.
    External(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub name: HostName,
    pub address: IpAddr,
    pub roles: Vec<Role>,
    /// None: disc, if the version has node types.
    pub node_type: Option<NodeType>,
    pub ssh: Ssh,
}

/// How to reach one host: the inventory's `[ssh]`, overridden by the host's own settings.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ssh {
    /// The destination for ssh: the host's address, or a name or alias in ~/.ssh/config.
    pub destination: String,
    pub user: Option<String>,
    pub port: Option<u16>,
    pub identity: Option<PathBuf>,
    /// `-F`: an ssh configuration file that replaces the user's and the system's.
    pub config: Option<PathBuf>,
    /// `-J`.
    pub jump: Option<String>,
    pub host_keys: HostKeys,
    pub r#become: Become,
    pub connect_timeout: Duration,
    /// How long a connection stays open after a run; zero closes it.
    pub persist: Duration,
}

#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum HostKeys {
    /// Only hosts with a known key.
    #[default]
    Strict,
    /// A new host is trusted, a changed key never.
    AcceptNew,
}

#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Become {
    /// Directly as root, else sudo, else doas.
    #[default]
    Auto,
    /// The login is root.
    Root,
    /// `sudo -n`.
    Sudo,
    /// `doas -n`.
    Doas,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    pub software: Software,
    /// One of the software's.
    pub balance: &'static Algorithm,
    /// Port for AMQP clients.
    pub amqp_port: u16,
    /// Port for the management UI; None if the plugin is not enabled.
    pub management_port: Option<u16>,
    /// What else it offers.
    pub listeners: Vec<BalancerListener>,
    /// Its addresses on which AMQP and the management UI are offered; empty: all.
    pub bind: Vec<IpAddr>,
    pub stats: Option<Stats>,
    /// Timeout of idle client connections.
    pub client_timeout: Duration,
    /// Time between two health checks of a broker.
    pub check_interval: Duration,
    pub check: BalancerCheck,
    /// Connections of clients at once; without it, what its software has by default.
    pub max_connections: Option<u32>,
    pub vip: Option<Vip>,
}

/// The address that one of the load balancers holds, and others with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vip {
    /// At least one.
    pub addresses: Vec<NetworkAddress>,
    /// None: on each host, the one that has an address in the network of the first.
    pub interface: Option<String>,
    pub router_id: u8,
}

impl Vip {
    /// Those of the family that the load balancers have themselves, over which they find each other, and those of the other one.
    pub(crate) fn by_family(&self, own: IpAddr) -> (Vec<NetworkAddress>, Vec<NetworkAddress>) {
        self.addresses.iter().partition(|at| at.address.is_ipv4() == own.is_ipv4())
    }
}

/// A listener of the load balancer beside those for AMQP and the management UI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalancerListener {
    pub serves: Offered,
    pub port: u16,
    /// Empty: on all addresses.
    pub bind: Vec<IpAddr>,
}

/// How a balancer finds out whether a broker serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BalancerCheck {
    /// The broker is asked: by its management plugin, else by AMQP's greeting.
    #[default]
    Health,
    /// A connection to its AMQP port.
    Connect,
}

/// Whether a balancer offers its metrics to Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metrics {
    Offered,
    Missing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    pub port: u16,
    /// Whether it offers the balancer's metrics to Prometheus.
    pub metrics: Metrics,
    /// With a password in [`Desired::secrets`] under [`Stats::secret`]; None: it listens only on 127.0.0.1.
    pub user: Option<String>,
}

impl Stats {
    pub fn secret() -> SecretName {
        SecretName::new("stats")
    }
}

impl Desired {
    /// The hosts with a role, in the inventory's order.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(move |host| host.has(role))
    }

    /// The brokers, in the order of joining; the first is the seed node's host. Excludes a leaving one.
    pub fn brokers(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(|host| self.is_broker(host))
    }

    /// Whether a host is to run a member of the cluster.
    pub fn is_broker(&self, host: &Host) -> bool {
        host.has(Role::Broker) && self.leaving.as_ref() != Some(&host.node())
    }

    /// The same without one node of the cluster. Its host stays in `hosts`.
    pub fn without(self, node: NodeName) -> Self {
        Self { leaving: Some(node), ..self }
    }

    /// The host of the leaving node, if the inventory has it.
    pub fn leaving_host(&self) -> Option<&Host> {
        let node = self.leaving.as_ref()?;
        self.hosts.iter().find(|host| host.has(Role::Broker) && &host.node() == node)
    }

    pub fn host(&self, name: &HostName) -> Option<&Host> {
        self.hosts.iter().find(|host| &host.name == name)
    }
}

impl Host {
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// The node of this host, for a broker.
    pub fn node(&self) -> NodeName {
        NodeName::rabbit(&self.name)
    }
}
