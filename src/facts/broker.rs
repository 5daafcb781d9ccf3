use std::collections::BTreeSet;

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Holdings, QueueFacts};
use crate::model::{CookieDigest, MetadataStore, NodeName, NodeType, Secret, Version};

/// A broker as far as one can see from its host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BrokerState {
    /// No rabbitmq-server package, or no Erlang VM on this host that calls itself by the node's name.
    #[default]
    Down,
    /// An Erlang VM runs under the node's name and refuses the cookie that the file holds now.
    CookieRefused,
    /// The VM runs and answers; RabbitMQ in it is stopped (`stop_app`) or still starting.
    AppStopped,
    /// The VM runs, but neither erl_call nor rabbitmqctl got an answer, for the reason given.
    Unknown(String),
    /// RabbitMQ runs and answers, but its version does not know a question that no plan can do without: which, and its words.
    Untold(String),
    Running(Box<NodeFacts>),
}

/// What a running node says, from one erl_call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// What the node calls itself, which need not be what the request asked for: a broker that its package started
    /// before the host got its name answers all the same.
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
    /// The nodes that this one has a connection to right now (`nodes()`): what is in `running` and not here, or
    /// the other way round, is about to change.
    pub links: Vec<NodeName>,
    pub partitions: Vec<Partition>,
    /// Alarms as text (`memory`, `disk`, `file_descriptor_limit`) with the node they hold on.
    pub alarms: Vec<String>,
    pub metadata_store: MetadataStore,
    /// Stable feature flags that are not enabled.
    pub disabled_feature_flags: Vec<String>,
    #[serde(skip)]
    pub feature_flags: FeatureFlags,
    /// Plugins that were enabled explicitly (`enabled_plugins`), as the running node has them.
    pub plugins: Vec<String>,
    /// Whether the node is in maintenance mode.
    pub maintenance: bool,
    /// What a reset or a join would destroy.
    pub holdings: Holdings,
    /// Its cluster's queues, the first ten thousand by name; fewer where the node is slow. They move and come and go while
    /// a plan waits to be applied, so they are no part of its fingerprint.
    #[serde(skip)]
    pub queues: Vec<QueueFacts>,
    /// Whether those are all: not where there are more, or where the node could not tell.
    #[serde(skip)]
    pub queues_complete: bool,
    /// `VHOST/NAME` of the policies that mirror classic queues (`ha-mode`). RabbitMQ 4.0 does not start with one.
    #[serde(default)]
    pub mirroring_policies: Vec<String>,
    /// The value of the global runtime parameter `rabbitup_definitions`: what was imported last.
    pub definitions_marker: Option<String>,
    /// The administrator's stored password, where the request named a user and it exists.
    #[serde(skip)]
    pub admin: Option<AdminPassword>,
    /// Whether the requested administrator exists and has the tag `administrator`.
    pub admin_exists: bool,
    /// Whether RabbitMQ's own user guest can log in with the password that everybody knows.
    #[serde(default)]
    pub guest: Guest,
    /// Start of the VM, Unix seconds. A configuration file changed after that was not read.
    pub started: u64,
    /// Seconds since the VM started, by a clock that nobody sets.
    #[serde(skip)]
    pub uptime_s: u64,
    /// Resident memory of the VM's process, as RabbitMQ itself counts it.
    #[serde(skip)]
    pub memory_bytes: u64,
    /// How many file descriptors the VM may have open.
    pub file_descriptors: Option<u64>,
}

impl NodeFacts {
    /// Whether it lists this node as a member of its cluster.
    pub fn lists(&self, other: &NodeName) -> bool {
        self.members.iter().any(|member| &member.node == other)
    }

    /// Whether it belongs to no cluster but its own.
    pub fn is_alone(&self) -> bool {
        self.members.iter().all(|member| member.node == self.name)
    }

    /// The feature flags that are enabled here and that the other's RabbitMQ does not know: it cannot join this node, since
    /// no flag is ever disabled again. None where the other could not tell, and where it is the newer one: a later RabbitMQ
    /// does without flags that had become required long before.
    pub fn flags_unknown_to(&self, other: &Self) -> BTreeSet<String> {
        if other.feature_flags.known.is_empty() || other.rabbitmq_version > self.rabbitmq_version {
            return BTreeSet::new();
        }
        &self.feature_flags.enabled - &other.feature_flags.known
    }
}

/// The feature flags of RabbitMQ itself. Those of a plugin keep out nobody who does not run it: what no application of a node
/// has declared counts as supported there (rabbit_feature_flags).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureFlags {
    /// What the running version has; none where the node could not tell.
    pub known: BTreeSet<String>,
    pub enabled: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClusterMember {
    pub node: NodeName,
    pub node_type: NodeType,
}

/// `node` cannot see `from`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Partition {
    pub node: NodeName,
    pub from: NodeName,
}

/// The user that RabbitMQ makes at its first start: guest, with the password guest, an administrator of everything. It may log in
/// from the broker's own host only (`loopback_users`), where every local user can be it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guest {
    /// The node did not say.
    #[default]
    Unknown,
    Absent,
    /// It has another password, or none.
    Closed,
    /// guest/guest logs in.
    Open,
}

/// A stored password: RabbitMQ keeps a 4-byte salt and behind it SHA-256(salt + password). The digest is the MD5
/// of those 32 bytes, so that the controller can compare without the hash leaving the node.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminPassword {
    pub salt: [u8; 4],
    pub digest: [u8; 16],
}

impl AdminPassword {
    /// What a node would store for a password, under a salt of zeros.
    pub fn of(password: &Secret) -> Self {
        let salt = [0; 4];
        Self { salt, digest: Self::digest(salt, password) }
    }

    /// Whether this is the stored form of `password`.
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
