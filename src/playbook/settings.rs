use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

use crate::document::Forms;

/// A phase and its settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(tag = "use", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PhaseSettings {
    /// Refuses hosts that cannot satisfy the inventory, before anything is changed.
    Preflight(HostCheck),
    /// Gives each host its name.
    HostNames,
    /// Writes the marked block of /etc/hosts.
    HostsFile,
    /// Synchronises the clocks.
    Time,
    /// Installs the packages of each role.
    Packages,
    /// Writes rabbitmq.conf, the enabled plugins and the limits.
    BrokerConfig,
    /// Installs the Erlang cookie on every broker, and verifies its MD5.
    Cookie,
    /// Starts stopped brokers.
    Start(HealthSettings),
    /// Brings nodes and balancers' servers back from maintenance.
    Service,
    /// Upgrades brokers to another version of RabbitMQ, one at a time.
    Upgrade(UpgradeSettings),
    /// Restarts brokers whose cookie or configuration changed, one at a time.
    Restart(HealthSettings),
    /// Restarts every broker, one at a time.
    RollingRestart(RestartSettings),
    /// Gives the running nodes another Erlang cookie.
    RotateCookie(HealthSettings),
    /// Reverts or completes a cookie rotation that failed half-way.
    SettleCookie,
    /// Brings back a node that lost its data, or was down while membership changed.
    Recover(HealthSettings),
    /// Joins blank nodes to the seed node's cluster, in the inventory's order.
    Join(HealthSettings),
    /// Adds replicas of quorum queues and streams on nodes that lack them, and waits until they have caught up.
    Grow(GrowSettings),
    /// Removes the leaving node from the cluster.
    Remove(HealthSettings),
    /// Reports members that are not in the inventory, and removes them with `--prune`.
    Prune(HealthSettings),
    /// Makes nodes disc or ram nodes, if the version has node types.
    NodeTypes,
    /// Names the cluster.
    ClusterName,
    /// Imports the definitions and creates the administrator.
    Definitions,
    /// Writes, validates and reloads the load balancer's configuration.
    LoadBalancer,
    /// Enables the feature flags that all nodes support.
    FeatureFlags,
    /// Spreads the leaders of queues over the nodes.
    Rebalance,
    /// Synchronises the mirrors of one queue.
    SyncQueue(HealthSettings),
    /// Cancels the synchronisation of one queue.
    CancelSyncQueue,
    /// Stops every broker, in an order in which the cluster can start again.
    Stop,
    /// Gathers the facts again: the plan must be empty, the cluster complete.
    Verify(HealthSettings),
}

impl PhaseSettings {
    /// The phase's name in a playbook.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Preflight(_) => "preflight",
            Self::HostNames => "host-names",
            Self::HostsFile => "hosts-file",
            Self::Time => "time",
            Self::Packages => "packages",
            Self::BrokerConfig => "broker-config",
            Self::Cookie => "cookie",
            Self::Start(_) => "start",
            Self::Restart(_) => "restart",
            Self::Join(_) => "join",
            Self::NodeTypes => "node-types",
            Self::ClusterName => "cluster-name",
            Self::Definitions => "definitions",
            Self::LoadBalancer => "load-balancer",
            Self::Service => "service",
            Self::Upgrade(_) => "upgrade",
            Self::RollingRestart(_) => "rolling-restart",
            Self::RotateCookie(_) => "rotate-cookie",
            Self::SettleCookie => "settle-cookie",
            Self::Recover(_) => "recover",
            Self::Grow(_) => "grow",
            Self::Remove(_) => "remove",
            Self::Prune(_) => "prune",
            Self::FeatureFlags => "feature-flags",
            Self::Rebalance => "rebalance",
            Self::SyncQueue(_) => "sync-queue",
            Self::CancelSyncQueue => "cancel-sync-queue",
            Self::Stop => "stop",
            Self::Verify(_) => "verify",
        }
    }

    /// The phase's name in a heading.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Preflight(_) => "Preflight",
            Self::HostNames => "Host names",
            Self::HostsFile => "/etc/hosts",
            Self::Time => "Time",
            Self::Packages => "Packages",
            Self::BrokerConfig => "Broker configuration",
            Self::Cookie => "Erlang cookie",
            Self::Start(_) => "Start",
            Self::Restart(_) => "Restart",
            Self::Join(_) => "Join",
            Self::NodeTypes => "Node types",
            Self::ClusterName => "Cluster name",
            Self::Definitions => "Definitions",
            Self::LoadBalancer => "Load balancer",
            Self::Service => "In service",
            Self::Upgrade(_) => "Upgrade",
            Self::RollingRestart(_) => "Rolling restart",
            Self::RotateCookie(_) => "Erlang cookie",
            Self::SettleCookie => "Erlang cookie",
            Self::Recover(_) => "Recovery",
            Self::Grow(_) => "Replicas",
            Self::Remove(_) => "Removal",
            Self::Prune(_) => "Members",
            Self::FeatureFlags => "Feature flags",
            Self::Rebalance => "Leaders",
            Self::SyncQueue(_) => "Mirrors",
            Self::CancelSyncQueue => "Mirrors",
            Self::Stop => "Stop",
            Self::Verify(_) => "Verify",
        }
    }
}

/// Requirements of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HostCheck {
    /// The free space that a broker's data directory needs: "1GiB".
    pub min_free_disk: Size,
    /// The memory that a broker needs: "512MiB".
    pub min_memory: Size,
}

impl Default for HostCheck {
    fn default() -> Self {
        Self { min_free_disk: Size(1 << 30), min_memory: Size(512 << 20) }
    }
}

/// How long a phase waits for a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HealthSettings {
    /// How long a node may take to be up and in sync: "5m".
    pub patience: Minutes,
}

/// The version of an upgrade if the command line names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpgradeSettings {
    /// How long a node may take to be up and in sync: "10m".
    pub patience: Minutes,
    /// The inventory's version only, or else the newest that the host's package manager would install.
    pub to: UpgradeTo,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UpgradeTo {
    /// The version in `[package] version`, if set.
    #[default]
    Inventory,
    /// Without one in the inventory: the version that the package manager would install.
    Newest,
}

/// When every broker is restarted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RestartSettings {
    /// How long a node may take to be up and in sync: "5m".
    pub patience: Minutes,
    /// Always, or only with `restart=yes`.
    pub when: RestartWhen,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestartWhen {
    /// Every time.
    #[default]
    Always,
    /// With `restart=yes`.
    Asked,
}

/// Which queues get replicas on which nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GrowSettings {
    /// How long replicas may take to catch up: "30m".
    pub patience: Minutes,
    pub queues: GrowQueues,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GrowQueues {
    /// Queues with too few replicas, on `node=` or on the nodes with the fewest.
    #[default]
    Lacking,
    /// Queues with a replica on `old=`, on `new=`.
    OfOld,
    /// Queues that had a replica on `node=` before it was forgotten.
    OfNode,
}

/// How long to wait, by default five minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minutes(pub Duration);

impl Minutes {
    /// Whole seconds, at least one.
    pub fn seconds(self) -> u64 {
        self.0.as_secs().max(1)
    }
}

impl Default for Minutes {
    fn default() -> Self {
        Self(Duration::from_secs(300))
    }
}

/// An amount of bytes, written as `512MiB` or `2GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl Size {
    pub fn mib(self) -> u64 {
        self.0 >> 20
    }
}

/// The parsers of the forms that JSON Schema cannot express.
pub const FORMS: Forms = &[("duration", try_read::<Minutes>), ("size", try_read::<Size>)];

fn try_read<T: serde::de::DeserializeOwned>(value: Spanned<DeValue<'_>>) -> Result<(), toml::de::Error> {
    T::deserialize(ValueDeserializer::from(value)).map(|_| ())
}

impl<'de> Deserialize<'de> for Minutes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hint = "write a string with a unit: \"30s\", \"5m\"";
        let text = text(deserializer, hint)?;
        match crate::inventory::parse_duration(&text) {
            Ok(duration) if duration.is_zero() => {
                Err(D::Error::custom(format!("the duration must not be zero\n{hint}")))
            }
            Ok(duration) => Ok(Self(duration)),
            Err(why) => Err(D::Error::custom(format!("{why}\n{hint}"))),
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hint = "write a string with a unit: \"512MiB\", \"2GiB\"";
        let text = text(deserializer, hint)?;
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let unit: Option<u64> = match text[digits..].trim() {
            "KiB" | "K" => Some(1 << 10),
            "MiB" | "M" => Some(1 << 20),
            "GiB" | "G" => Some(1 << 30),
            "TiB" | "T" => Some(1 << 40),
            _ => None,
        };
        let number: Option<u64> = text[..digits].parse().ok();
        match number.zip(unit).and_then(|(number, unit)| number.checked_mul(unit)) {
            Some(bytes) => Ok(Self(bytes)),
            None => Err(D::Error::custom(format!("this is not a size in bytes\n{hint}"))),
        }
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D, hint: &str) -> Result<String, D::Error> {
    String::deserialize(deserializer).map_err(|_| D::Error::custom(format!("this is not a string\n{hint}")))
}

impl JsonSchema for Minutes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$", "x-form": "duration" })
    }
}

impl JsonSchema for Size {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+ ?([KMGT]iB|[KMGT])$", "x-form": "size" })
    }
}
