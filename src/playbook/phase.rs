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
    /// Refuses hosts that cannot become what the inventory says, before anything is changed.
    Preflight(HostCheck) = "preflight";
    /// Gives each host its name.
    HostNames = "host-names";
    /// Writes the marked block of /etc/hosts.
    HostsFile = "hosts-file";
    /// Keeps the clocks together.
    Time = "time";
    /// Installs what each role needs.
    Packages = "packages";
    /// Writes rabbitmq.conf, the enabled plugins and the limits.
    BrokerConfig = "broker-config";
    /// Puts the Erlang cookie in place on every broker, and checks it by its MD5.
    Cookie = "cookie";
    /// Starts brokers that do not run.
    Start(HealthSettings) = "start";
    /// Takes nodes out of maintenance, and balancers' servers that were switched off.
    Service = "service";
    /// Brings brokers to another version of RabbitMQ, one at a time.
    Upgrade(UpgradeSettings) = "upgrade";
    /// Restarts brokers whose cookie or configuration changed, one at a time.
    Restart(HealthSettings) = "restart";
    /// Restarts every broker, one at a time.
    RollingRestart(RestartSettings) = "rolling-restart";
    /// Gives the running nodes another Erlang cookie.
    RotateCookie(HealthSettings) = "rotate-cookie";
    /// Ends a rotation of the cookie that failed half-way: back, or on.
    SettleCookie = "settle-cookie";
    /// Brings back a node that the cluster lost, or that lost the cluster.
    Recover(HealthSettings) = "recover";
    /// Joins blank nodes to the seed node's cluster, in the inventory's order.
    Join(HealthSettings) = "join";
    /// Grows quorum queues and streams onto nodes that lack their replicas, and waits until these have caught up.
    Grow(GrowSettings) = "grow";
    /// Takes the node that leaves out of the cluster.
    Remove(HealthSettings) = "remove";
    /// Reports members that the inventory does not know, and with `--prune` takes them out of the cluster.
    Prune(HealthSettings) = "prune";
    /// Makes nodes disc or ram nodes, where the version has node types.
    NodeTypes = "node-types";
    /// Names the cluster.
    ClusterName = "cluster-name";
    /// Imports the definitions and keeps the administrator.
    Definitions = "definitions";
    /// Renders, checks and reloads the load balancer.
    LoadBalancer = "load-balancer";
    /// Enables the feature flags that all nodes know.
    FeatureFlags = "feature-flags";
    /// Spreads the leaders of queues over the nodes.
    Rebalance = "rebalance";
    /// Synchronises the mirrors of one queue.
    SyncQueue(HealthSettings) = "sync-queue";
    /// Ends the synchronisation of one queue.
    CancelSyncQueue = "cancel-sync-queue";
    /// Stops every broker, in an order that comes back.
    Stop = "stop";
    /// Gathers the facts again: the plan must be empty, the cluster whole.
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
