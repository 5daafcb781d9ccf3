use std::collections::{BTreeMap, BTreeSet};

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{ClusterMember, Holdings, QueueFacts};
use crate::model::{CookieDigest, MetadataStore, NodeName, NodeType, Secret, Version};
use crate::rabbitmq::listeners::Listeners;

/// The state of a broker as seen from its host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BrokerState {
    /// No rabbitmq-server package, or no Erlang VM with the node's name on this host.
    #[default]
    Down,
    /// An Erlang VM runs under the node's name, but refuses the cookie in the file.
    CookieRefused,
    /// The VM runs and answers; RabbitMQ in it is stopped (`stop_app`) or still starting.
    AppStopped,
    /// The VM runs, but neither erl_call nor rabbitmqctl got an answer, for this reason.
    Unknown(String),
    /// RabbitMQ runs and answers, but its version does not support a question that every plan needs: the question and the error.
    #[serde(rename = "untold")]
    Unsupported(String),
    Running(Box<NodeFacts>),
}

/// The facts of a running node, from one erl_call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// The node's own name, which may differ from the requested one: a broker that its package started before the host was
    /// renamed still answers.
    pub name: NodeName,
    pub rabbitmq_version: Version,
    /// `erlang:system_info(otp_release)` with the ERTS version, for display.
    pub erlang: String,
    /// The MD5 of the running VM's cookie.
    #[serde(skip)]
    pub cookie: Option<CookieDigest>,
    pub cluster_name: String,
    /// The members as this node sees them.
    pub members: Vec<ClusterMember>,
    /// The members that run, as this node sees them.
    pub running: Vec<NodeName>,
    /// The directory of its data; none if it does not say.
    #[serde(default)]
    pub data_dir: Option<String>,
    /// Where it has its quorum queues and its streams.
    #[serde(default)]
    pub quorum_dir: Option<String>,
    #[serde(default)]
    pub stream_dir: Option<String>,
    /// The nodes that this one is connected to now (`nodes()`): a difference from `running` is about to change.
    pub links: Vec<NodeName>,
    pub partitions: Vec<Partition>,
    /// Alarms as text (`memory`, `disk`, `file_descriptor_limit`) with the node they hold on.
    pub alarms: Vec<String>,
    pub metadata_store: MetadataStore,
    /// Stable feature flags that are not enabled.
    pub disabled_feature_flags: Vec<String>,
    #[serde(skip)]
    pub feature_flags: FeatureFlags,
    /// Explicitly enabled plugins (`enabled_plugins`) of the running node.
    pub plugins: Vec<String>,
    /// The versions of RabbitMQ that an enabled plugin works with, if it names any (`broker_version_requirements`).
    #[serde(default)]
    pub plugins_require: BTreeMap<String, Vec<String>>,
    /// What it listens on; unknown if it did not report it.
    #[serde(default)]
    pub listeners: Listeners,
    /// Whether the node is in maintenance mode.
    pub maintenance: bool,
    /// The data that a reset or a join would destroy.
    pub holdings: Holdings,
    /// Its cluster's queues, the first ten thousand by name; fewer if the node is slow. They change while a plan waits to be
    /// applied, so they are not part of its fingerprint.
    #[serde(skip)]
    pub queues: Vec<QueueFacts>,
    /// Whether those are all; false if there are more, or the node could not report it.
    #[serde(skip)]
    pub queues_complete: bool,
    /// The quorum queues whose replica on this node is not in service, by virtual host and name; None if it did not report it. As
    /// short-lived as the queues.
    #[serde(skip)]
    pub idle_replicas: Option<BTreeSet<(String, String)>>,
    /// `VHOST/NAME` of the policies that mirror classic queues (`ha-mode`). RabbitMQ 4.0 does not start with one.
    #[serde(default)]
    pub mirroring_policies: Vec<String>,
    /// The value of the global runtime parameter `rabbitup_definitions`: the digest of the last import.
    pub definitions_marker: Option<String>,
    /// The administrator's password hash, if the request named a user and it exists.
    #[serde(skip)]
    pub admin: Option<AdminPassword>,
    /// Whether the requested administrator exists and has the tag `administrator`.
    pub admin_exists: bool,
    /// Whether RabbitMQ's user guest can log in with its well-known password.
    #[serde(default)]
    pub guest: Guest,
    /// Start of the VM, Unix seconds; None if it did not report it. A configuration file changed after that was not read.
    pub started: Option<u64>,
    /// Seconds since the VM started, by a monotonic clock; None if it did not report it.
    #[serde(skip)]
    pub uptime_s: Option<u64>,
    /// Resident memory of the VM's process, as reported by RabbitMQ; None if it did not.
    #[serde(skip)]
    pub memory_bytes: Option<u64>,
    /// The VM's limit of file descriptors.
    pub file_descriptors: Option<u64>,
    /// What was changed in it since it started (`rabbitmqctl set_…`), so that another value than that of its files is in effect; None if
    /// it did not report it. By the key of rabbitmq.conf, or what the keys of one limit begin with: `vm_memory_high_watermark`.
    #[serde(default)]
    pub changed: Option<BTreeMap<String, String>>,
}

impl NodeFacts {
    /// A node that was started blank and alone, as RabbitMQ makes it (guest with its well-known password and nothing else). It
    /// has reported nothing of its VM: its times, its memory.
    pub fn blank(name: &NodeName, rabbitmq_version: Version) -> Self {
        Self {
            name: name.clone(),
            rabbitmq_version,
            erlang: String::new(),
            cookie: None,
            cluster_name: name.to_string(),
            data_dir: None,
            quorum_dir: None,
            stream_dir: None,
            members: vec![ClusterMember { node: name.clone(), node_type: NodeType::Disc }],
            running: vec![name.clone()],
            links: Vec::new(),
            partitions: Vec::new(),
            alarms: Vec::new(),
            metadata_store: MetadataStore::Mnesia,
            disabled_feature_flags: Vec::new(),
            feature_flags: FeatureFlags::default(),
            plugins: Vec::new(),
            plugins_require: BTreeMap::new(),
            listeners: Listeners::default(),
            maintenance: false,
            holdings: Holdings::default(),
            queues: Vec::new(),
            queues_complete: true,
            idle_replicas: Some(BTreeSet::new()),
            mirroring_policies: Vec::new(),
            definitions_marker: None,
            admin: None,
            admin_exists: false,
            guest: Guest::Open,
            started: None,
            uptime_s: None,
            memory_bytes: None,
            file_descriptors: None,
            changed: Some(BTreeMap::new()),
        }
    }

    /// Whether it lists this node as a member of its cluster.
    pub fn lists(&self, other: &NodeName) -> bool {
        self.members.iter().any(|member| &member.node == other)
    }

    /// Whether it belongs to no cluster but its own.
    pub fn is_alone(&self) -> bool {
        self.members.iter().all(|member| member.node == self.name)
    }

    /// The feature flags that are enabled here but not supported by the other node's RabbitMQ: it cannot join this node, since
    /// flags cannot be disabled. None if the other could not report its flags, or is newer: later versions drop flags that have
    /// long been required.
    pub fn flags_unknown_to(&self, other: &Self) -> BTreeSet<String> {
        if other.feature_flags.known.is_empty() || other.rabbitmq_version > self.rabbitmq_version {
            return BTreeSet::new();
        }
        &self.feature_flags.enabled - &other.feature_flags.known
    }
}

/// The feature flags of RabbitMQ itself. Flags of a plugin do not block nodes without it: a flag that no application of a node
/// declares counts as supported there (rabbit_feature_flags).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureFlags {
    /// The flags of the running version; none if the node could not report them.
    pub known: BTreeSet<String>,
    pub enabled: BTreeSet<String>,
}

/// `node` cannot see `from`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Partition {
    pub node: NodeName,
    pub from: NodeName,
}

/// The user that RabbitMQ creates at its first start: guest, with the password guest, an administrator. It can log in only from
/// the broker's own host (`loopback_users`), but every local user can do that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guest {
    /// The node did not report it.
    #[default]
    Unknown,
    Absent,
    /// It has another password, or none.
    Closed,
    /// guest/guest logs in.
    Open,
}

/// A password hash: RabbitMQ stores a 4-byte salt followed by SHA-256(salt + password). The digest is the MD5
/// of those 32 bytes, so that the controller can compare without the hash leaving the node.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminPassword {
    pub salt: [u8; 4],
    pub digest: [u8; 16],
}

impl AdminPassword {
    /// The hash that a node would store for a password, with a salt of zeros.
    pub fn of(password: &Secret) -> Self {
        let salt = [0; 4];
        Self { salt, digest: Self::digest(salt, password) }
    }

    /// Whether this is the hash of `password`.
    pub fn matches(&self, password: &Secret) -> bool {
        self.digest == Self::digest(self.salt, password)
    }

    /// RabbitMQ stores `salt ++ SHA-256(salt ++ password)` (rabbit_password:hash/2, the default hashing module).
    fn digest(salt: [u8; 4], password: &Secret) -> [u8; 16] {
        let hash = Sha256::new().chain_update(salt).chain_update(password.expose()).finalize();
        Md5::digest(hash).into()
    }
}

impl std::fmt::Debug for AdminPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminPassword(…)")
    }
}
