use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::{GrowSettings, HealthSettings, HostCheck, RestartSettings, UpgradeSettings};

/// Makes, of one list, what a playbook says of a phase and what the phase is called.
macro_rules! phases {
    ($($(#[doc = $doc:literal])* $name:ident $(($settings:ty))? = $word:literal;)*) => {
        /// A phase and its settings.
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
        #[serde(tag = "use", deny_unknown_fields)]
        pub enum PhaseSettings {
            $($(#[doc = $doc])* #[serde(rename = $word)] $name $(($settings))?,)*
        }

        impl PhaseSettings {
            pub fn phase(&self) -> Phase {
                match self {
                    $(Self::$name { .. } => Phase::$name,)*
                }
            }
        }

        /// A phase of a playbook: what a step is proposed by.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Phase {
            $($(#[doc = $doc])* #[serde(rename = $word)] $name,)*
        }

        impl Phase {
            /// The word for it in a playbook.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

phases! {
    /// Refuses hosts that cannot satisfy the inventory, before anything is changed.
    Preflight(HostCheck) = "preflight";
    /// Gives each host its name.
    HostNames = "host-names";
    /// Writes the marked block of /etc/hosts.
    HostsFile = "hosts-file";
    /// Synchronises the clocks.
    Time = "time";
    /// Installs the packages of each role.
    Packages = "packages";
    /// Opens the ports that the inventory needs in the hosts' firewalls.
    Firewall = "firewall";
    /// Allows in SELinux's policy what the inventory needs beyond it.
    Selinux = "selinux";
    /// Writes rabbitmq.conf, the enabled plugins and the limits.
    BrokerConfig = "broker-config";
    /// Installs the Erlang cookie on every broker, and verifies its MD5.
    Cookie = "cookie";
    /// Starts stopped brokers.
    Start(HealthSettings) = "start";
    /// Brings nodes and balancers' servers back from maintenance.
    Service = "service";
    /// Upgrades brokers to another version of RabbitMQ, one at a time.
    Upgrade(UpgradeSettings) = "upgrade";
    /// Restarts brokers whose cookie or configuration changed, one at a time.
    Restart(HealthSettings) = "restart";
    /// Restarts every broker, one at a time.
    RollingRestart(RestartSettings) = "rolling-restart";
    /// Gives the running nodes another Erlang cookie.
    RotateCookie(HealthSettings) = "rotate-cookie";
    /// Reverts or completes a cookie rotation that failed half-way.
    SettleCookie = "settle-cookie";
    /// Brings back a node that lost its data, or was down while membership changed.
    Recover(HealthSettings) = "recover";
    /// Joins blank nodes to the seed node's cluster, in the inventory's order.
    Join(HealthSettings) = "join";
    /// Adds replicas of quorum queues and streams on nodes that lack them, and waits until they have caught up.
    Grow(GrowSettings) = "grow";
    /// Removes the leaving node from the cluster.
    Remove(HealthSettings) = "remove";
    /// Reports members that are not in the inventory, and removes them with `--prune`.
    Prune(HealthSettings) = "prune";
    /// Makes nodes disc or ram nodes, if the version has node types.
    NodeTypes = "node-types";
    /// Names the cluster.
    ClusterName = "cluster-name";
    /// Imports the definitions and creates the administrator.
    Definitions = "definitions";
    /// Writes, validates and reloads the load balancer's configuration.
    LoadBalancer = "load-balancer";
    /// Lets keepalived move the address that the load balancers share.
    VirtualAddress = "virtual-address";
    /// Enables the feature flags that all nodes support.
    FeatureFlags = "feature-flags";
    /// Spreads the leaders of queues over the nodes.
    Rebalance = "rebalance";
    /// Synchronises the mirrors of one queue.
    SyncQueue(HealthSettings) = "sync-queue";
    /// Cancels the synchronisation of one queue.
    CancelSyncQueue = "cancel-sync-queue";
    /// Stops every broker, in an order in which the cluster can start again.
    Stop = "stop";
    /// Gathers the facts again: the plan must be empty, the cluster complete.
    Verify(HealthSettings) = "verify";
}

impl Phase {
    /// Whether its steps on different hosts are one thing, so that part of them is worse than nothing.
    pub fn is_whole(self) -> bool {
        match self {
            Self::RotateCookie
            | Self::SettleCookie
            | Self::Recover
            | Self::Remove
            | Self::Prune
            | Self::Grow => true,
            Self::Preflight
            | Self::HostNames
            | Self::HostsFile
            | Self::Time
            | Self::Packages
            | Self::Firewall
            | Self::Selinux
            | Self::BrokerConfig
            | Self::Cookie
            | Self::Start
            | Self::Service
            | Self::Upgrade
            | Self::Restart
            | Self::RollingRestart
            | Self::Join
            | Self::NodeTypes
            | Self::ClusterName
            | Self::Definitions
            | Self::LoadBalancer
            | Self::VirtualAddress
            | Self::FeatureFlags
            | Self::Rebalance
            | Self::SyncQueue
            | Self::CancelSyncQueue
            | Self::Stop
            | Self::Verify => false,
        }
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
