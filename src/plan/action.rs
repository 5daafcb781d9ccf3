use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::facts::{HoldingCounts, QueueFacts, QueueKind};
use crate::model::{HostName, NameMode, NodeName, NodeType, SecretName};
use crate::template::Rendered;

/// What a step does. Data only: the same value is shown, saved, executed and modelled in its effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// `hostnamectl set-hostname`.
    SetHostName {
        name: HostName,
    },
    /// Puts a file in place: beside it, checked, then renamed over it, with a backup of what was there.
    WriteFile(FileWrite),
    /// One transaction of the package manager, during which the named units do not start by themselves.
    InstallPackages {
        packages: Vec<PackageChoice>,
        held_back_units: Vec<String>,
    },
    /// `apt-mark hold` or `unhold`.
    HoldPackages {
        packages: Vec<String>,
        hold: Hold,
    },
    /// Removes a policy-rc.d that an interrupted run left behind.
    RemoveStalePolicy,
    /// Removes the half-written files that a run which was cut off left in these directories.
    RemoveLeftovers {
        directories: Vec<String>,
    },
    /// Puts the Erlang cookie in place (0400, rabbitmq), from the controller's memory. `digest` is keyed.
    InstallCookie {
        secret: SecretName,
        digest: String,
    },
    /// Sets mode and owner of the cookie, whose content is right.
    GuardCookie,
    /// Puts a new cookie beside the old one, where nothing reads it yet. `digest` is keyed.
    StageCookie {
        secret: SecretName,
        digest: String,
    },
    /// The running node takes the staged cookie, or goes back to that of its file. No link is dropped: Erlang compares
    /// cookies when nodes connect.
    SwitchCookie {
        node: NodeName,
        names: NameMode,
        to: CookieSide,
    },
    /// Renames the staged cookie over the old one, and has the running node answer to it.
    AdoptCookie {
        node: NodeName,
        names: NameMode,
    },
    /// Removes a staged cookie.
    DropStagedCookie {
        node: NodeName,
        names: NameMode,
    },
    /// Enables and starts a unit.
    StartUnit {
        unit: String,
    },
    RestartUnit {
        unit: String,
    },
    ReloadUnit {
        unit: String,
    },
    /// Stops and disables a unit whose place another takes.
    StopUnit {
        unit: String,
    },
    /// Stops the broker and waits until epmd has dropped its name.
    StopBroker {
        node: NodeName,
    },
    /// `rabbitmqctl start_app` on a VM whose RabbitMQ is stopped.
    StartApp {
        node: NodeName,
        names: NameMode,
        patience_s: u64,
    },
    /// Enables and starts the broker and waits until it serves.
    StartBroker {
        node: NodeName,
        names: NameMode,
        patience_s: u64,
    },
    /// Enables and starts a blank broker, which becomes a member of the seed node's cluster at this first start, and
    /// waits until it serves and both list each other.
    EnterCluster {
        node: NodeName,
        names: NameMode,
        seed: NodeName,
        patience_s: u64,
    },
    /// Restarts the broker and waits until it serves again. `gate`: ask first whether the cluster can spare it; then it
    /// is drained first, and waited for until its replicas have caught up.
    RestartBroker {
        node: NodeName,
        names: NameMode,
        gate: Gate,
        patience_s: u64,
    },
    /// Takes the broker out of service as [`Action::RestartBroker`] does, and gives it these packages before it starts.
    UpgradeBroker {
        node: NodeName,
        names: NameMode,
        gate: Gate,
        packages: Vec<PackageChoice>,
        patience_s: u64,
    },
    /// `rabbitmq-upgrade revive`: out of maintenance mode.
    ReviveNode {
        node: NodeName,
        names: NameMode,
    },
    /// Tells the running HAProxy to spare a server, or to use it again and to wait until it does.
    SwitchServer {
        server: HostName,
        to: Service,
    },
    /// `rabbitmqctl enable_feature_flag all`, on one node for all.
    EnableFeatureFlags {
        node: NodeName,
    },
    /// `rabbitmq-queues rebalance all`.
    Rebalance {
        node: NodeName,
    },
    /// Brings a node that runs alone and holds nothing into the seed node's cluster.
    JoinCluster {
        node: NodeName,
        names: NameMode,
        seed: NodeName,
        method: JoinCommand,
        node_type: NodeType,
        /// As much of its own as the plan said would go; the step refuses a node that holds more.
        may_destroy: HoldingCounts,
        patience_s: u64,
    },
    /// Asks whether the cluster can spare the broker, drains it, closes and counts the queues that only it has, stops it and
    /// keeps its unit from starting.
    RetireBroker {
        node: NodeName,
        names: NameMode,
        gate: Gate,
        may_go: MayGo,
        patience_s: u64,
    },
    /// Stops RabbitMQ in the Erlang VM of a member whose host is not the inventory's, over Erlang distribution. Nobody can
    /// name it, so one that has the only copy of a queue is not stopped.
    StopStranger {
        node: NodeName,
        names: NameMode,
        stranger: NodeName,
        gate: Gate,
        patience_s: u64,
    },
    /// Takes the replicas of a member that runs off every queue, while its vote can still be had.
    ReleaseQueues {
        node: NodeName,
        names: NameMode,
        gone: NodeName,
    },
    /// `forget_cluster_node`, and no queue that still lists the node afterwards.
    ForgetNode {
        node: NodeName,
        names: NameMode,
        gone: NodeName,
        may_go: MayGo,
    },
    /// `forget_cluster_node --offline` on a stopped node, which then starts without waiting for the one that is gone.
    ForgetOffline {
        node: NodeName,
        gone: NodeName,
    },
    /// Moves a stopped node's data directory out of the way, to where nothing starts from it.
    KeepData {
        node: NodeName,
    },
    /// Tells a stopped node, whose peers moved on, which member to ask at its next start.
    FollowPeer {
        node: NodeName,
        names: NameMode,
        peer: NodeName,
    },
    /// Gives a node replicas of these queues, and waits until they have caught up.
    GrowReplicas {
        node: NodeName,
        names: NameMode,
        onto: NodeName,
        queues: Vec<QueueRef>,
        patience_s: u64,
    },
    /// `rabbitmqctl sync_queue`, and waits until every mirror is in sync.
    SyncQueue {
        node: NodeName,
        names: NameMode,
        queue: QueueRef,
        patience_s: u64,
    },
    /// `rabbitmqctl cancel_sync_queue`.
    CancelSyncQueue {
        node: NodeName,
        queue: QueueRef,
    },
    /// `change_cluster_node_type` between `stop_app` and `start_app`.
    ChangeNodeType {
        node: NodeName,
        names: NameMode,
        node_type: NodeType,
    },
    /// `rabbitmqctl set_cluster_name`, on one node for all.
    SetClusterName {
        node: NodeName,
        name: String,
    },
    /// `rabbitmq-plugins set` on a running node.
    SetPlugins {
        node: NodeName,
        plugins: Vec<String>,
    },
    /// `rabbitmqctl import_definitions`, then the mark that says which were imported.
    ImportDefinitions {
        node: NodeName,
        secret: SecretName,
        digest: String,
    },
    /// `rabbitmqctl clear_password guest`: nobody logs in as guest any more, and the user stays.
    CloseGuest {
        node: NodeName,
        names: NameMode,
    },
    /// Creates the administrator or sets the password.
    PutAdmin {
        node: NodeName,
        user: String,
        secret: SecretName,
    },
}

impl Action {
    /// Whether a broker starts with what its files say now.
    pub fn starts_broker(&self) -> bool {
        matches!(
            self,
            Self::StartBroker { .. }
                | Self::EnterCluster { .. }
                | Self::RestartBroker { .. }
                | Self::UpgradeBroker { .. }
        )
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileWrite {
    pub path: String,
    pub mode: u32,
    pub owner: String,
    pub group: String,
    pub body: Rendered,
    /// Asked before the file is put in place; `{}` in it stands for the new file's path.
    pub validate: Option<Validator>,
    /// What must happen for the change to count.
    pub then: Then,
    /// What shows that it is good.
    #[serde(default)]
    pub proof: Proof,
    /// Every name that must resolve to its address afterwards (for /etc/hosts).
    pub resolves: Vec<(HostName, IpAddr)>,
}

/// Who checks a file before it replaces the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validator {
    /// `haproxy -c -f FILE`.
    Haproxy,
    /// `nginx -t -c FILE`.
    Nginx,
    /// `chronyd -p -f FILE`, where chronyd is there.
    Chrony,
    /// RabbitMQ's own reader and the schemas of the installed plugins, in an Erlang VM of its own.
    Rabbitmq,
}

/// What shows that a file is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// That it is there.
    #[default]
    None,
    /// A broker that serves after it has started with it. Until then the host notes what was there before.
    BrokerStart,
}

/// What follows a file's change in the same step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    Nothing,
    /// `systemctl daemon-reload`.
    DaemonReload,
    /// `systemctl reload-or-restart UNIT` where it is active.
    Reload(String),
    /// `systemctl restart UNIT` where it is active (for daemons that do not reload).
    Restart(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageChoice {
    pub name: String,
    /// The exact package version; None takes the repositories' candidate.
    pub version: Option<String>,
    /// What the plan found beneath a broker's package and judged its version by. The step refuses where it finds anything
    /// else. None for other packages.
    #[serde(default)]
    pub over: Option<Over>,
}

/// What lies on the host where a broker's package is to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// No node's database.
    NoData,
    /// A database, and this version of the package as dpkg has it, whole or in part; none where it was removed.
    Data { package: Option<String> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    Hold,
    Release,
}

/// What is asked before a running node is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// The node is alone or refuses its cookie: nobody could answer, or nobody depends on it.
    None,
    /// Not asked, but drained: the operator agreed that what needs the node serves nobody meanwhile (`gap=yes`).
    Drain,
    /// `rabbitmq-diagnostics check_if_node_is_quorum_critical`, and every other member runs.
    QuorumCritical,
}

/// Whether a load balancer uses a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    Out,
    /// And waits until its check says that it is up.
    In,
    /// Whatever its check says: what was to be done meanwhile failed, or was not begun. No plan has it; the run puts it in the
    /// place of `In`.
    InAnyway,
}

/// Which of a host's two cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CookieSide {
    /// The one that lies beside the old one.
    Staged,
    /// The one that the node reads when it starts.
    File,
}

/// A queue by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QueueRef {
    pub vhost: String,
    pub name: String,
    pub kind: QueueKind,
}

impl From<&QueueFacts> for QueueRef {
    fn from(queue: &QueueFacts) -> Self {
        Self { vhost: queue.vhost.clone(), name: queue.name.clone(), kind: queue.kind }
    }
}

/// How `join_cluster` is called, by version (rabbitmq-facts, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinCommand {
    /// Up to 3.12: `stop_app`, `join_cluster`, `start_app`.
    StopJoinStart,
    /// From 3.13: `join_cluster` on the running node, which stops and starts itself.
    JoinRunning,
}

/// How many of the queues that only a leaving node has may go with it: as many as the plan showed, where the operator named
/// the node (`--destroy-data`). None where the plan showed that it could not be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MayGo {
    pub queues: Option<u64>,
    /// Those of them whose messages could not be counted.
    pub uncounted: Option<u64>,
}

impl MayGo {
    /// Nothing was named: the step refuses a node that has the only copy of any queue, an empty one too.
    pub const NOTHING: Self = Self { queues: Some(0), uncounted: Some(0) };
}
