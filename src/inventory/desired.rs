use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::CommandSecret;
use crate::balancer::{Algorithm, Software};
use crate::model::{
    HostName, NameMode, NodeName, NodeType, Role, SecretName, SecretSource, Secrets, VersionSpec,
};

/// The desired state: a checked inventory with every default filled in.
#[derive(Clone, Debug)]
pub struct Desired {
    pub cluster: Cluster,
    pub package: Package,
    pub time: Time,
    /// In the inventory's order, which is the order of joining. At least one is a broker.
    pub hosts: Vec<Host>,
    pub load_balancer: Option<LoadBalancer>,
    /// What the controller already holds. The cookie is absent where it comes from the seed node.
    pub secrets: Secrets,
    /// Where each secret comes from, for plans that are saved.
    pub secret_sources: BTreeMap<SecretName, SecretSource>,
    /// The secrets that a command prints, until it has been run: see [`CommandSecret`].
    pub commands: BTreeMap<SecretName, CommandSecret>,
    /// Template texts that the user put in place of the embedded ones, by template name.
    pub templates: BTreeMap<String, String>,
    /// A node that is to leave the cluster, whatever its host's roles say: set by the playbooks that remove one.
    pub leaving: Option<NodeName>,
}

#[derive(Clone, Debug)]
pub struct Cluster {
    /// None: the cluster keeps the name it has.
    pub name: Option<String>,
    /// The plugins to enable, sorted, and no others; None: plugins stay as they are.
    pub plugins: Option<Vec<String>>,
    pub cookie: CookieSource,
    pub names: NameMode,
    /// rabbitmq.conf, key by key in the inventory's order of writing (nested tables joined with dots).
    pub config: Vec<ConfigEntry>,
    /// LimitNOFILE of the broker's unit; None leaves the package's.
    pub file_descriptors: Option<u64>,
    pub definitions: Option<Definitions>,
    pub admin: Option<Admin>,
    pub guest: GuestSetting,
    /// How blank nodes enter the cluster.
    pub join: JoinMethod,
}

/// How a node that has never started enters the cluster.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum JoinMethod {
    /// At its first start, by finding the seed node (`cluster_formation` in rabbitmq.conf).
    #[default]
    FirstStart,
    /// Started alone, then by `rabbitmqctl join_cluster`.
    Command,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CookieSource {
    /// The seed node's own; generated where it has none that can stay.
    Seed,
    Generate,
    /// Read at the edge: it is in [`Desired::secrets`].
    Given,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    pub key: String,
    pub value: ConfigValue,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigValue {
    /// As it stands in rabbitmq.conf, on one line.
    Text(String),
    /// In [`Desired::secrets`] under this name.
    Secret(SecretName),
}

/// RabbitMQ's own export format, to be imported where it differs. Its bytes, which may hold password hashes, are in
/// [`Desired::secrets`] under [`Definitions::secret`].
#[derive(Clone, Debug)]
pub struct Definitions {
    pub path: PathBuf,
    pub vhosts: Vec<String>,
    pub users: Vec<String>,
    /// `VHOST/NAME`.
    pub policies: Vec<String>,
    /// MD5 of the bytes, in hexadecimal: what the cluster is marked with after an import.
    pub digest: String,
}

impl Definitions {
    pub fn secret() -> SecretName {
        SecretName::new("definitions")
    }
}

/// What becomes of RabbitMQ's own user guest, whose password everybody knows.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum GuestSetting {
    /// Its password is taken away where the inventory declares an administrator.
    #[default]
    Close,
    /// It stays as it is.
    Keep,
}

/// The administrator, whose password is in [`Desired::secrets`] under [`Admin::secret`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    pub user: String,
}

impl Admin {
    pub fn secret() -> SecretName {
        SecretName::new("admin")
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// rabbitmq-server; None: what the host's repositories offer, or what is installed.
    pub version: Option<VersionSpec>,
    /// Whether rabbitmq-server and Erlang are held against surprise upgrades; None leaves holds as they are.
    pub hold: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time {
    /// Whether time is looked after at all.
    pub manage: bool,
    pub servers: Vec<TimeServer>,
    pub max_offset: Duration,
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
    /// None: disc, where the version has node types.
    pub node_type: Option<NodeType>,
    pub ssh: Ssh,
}

/// How to reach one host: the inventory's `[ssh]` with the host's own settings over it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ssh {
    /// What ssh is told to connect to: the host's address, or a name or alias of ~/.ssh/config.
    pub destination: String,
    pub user: Option<String>,
    pub port: Option<u16>,
    pub identity: Option<PathBuf>,
    /// `-F`: an ssh configuration file in place of the user's and the system's.
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
    /// Only hosts whose key is known.
    #[default]
    Strict,
    /// A host never met before is trusted, a changed key never.
    AcceptNew,
}

#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Become {
    /// Root as it is, else sudo, else doas.
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
    /// Port for the management UI; None where the plugin is not among the cluster's.
    pub management_port: Option<u16>,
    pub stats: Option<Stats>,
    /// How long an idle client connection lives.
    pub client_timeout: Duration,
    /// Time between two health checks of a broker.
    pub check_interval: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    pub port: u16,
    /// With a password in [`Desired::secrets`] under [`Stats::secret`]; None: it listens on 127.0.0.1
    /// only.
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

    /// The brokers, in the order of joining; the first is the seed node's host. One that leaves is not among them.
    pub fn brokers(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(|host| self.is_broker(host))
    }

    /// Whether a host is to run a member of the cluster.
    pub fn is_broker(&self, host: &Host) -> bool {
        host.has(Role::Broker) && self.leaving.as_ref() != Some(&host.node())
    }

    /// The same without one node of the cluster. Its host is still one of the hosts.
    pub fn without(self, node: NodeName) -> Self {
        Self { leaving: Some(node), ..self }
    }

    /// The host of the node that leaves, where the inventory has it.
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

    /// The node that runs here, on a broker.
    pub fn node(&self) -> NodeName {
        NodeName::rabbit(&self.name)
    }
}
