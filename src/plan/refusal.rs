//! Why no plan is made.

use super::Phase;
use crate::model::{Next, Problem};

/// Why no plan is made: all reasons at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} problem(s) to solve before a plan is possible", .0.len())]
pub struct PlanError(pub Vec<Refusal>);

/// One reason not to go on, for an operator at 3 a.m.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub kind: RefusalKind,
    pub phase: Phase,
    pub problem: Problem,
}

/// A reason whose phase and host are known to who takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    pub kind: RefusalKind,
    pub problem: Problem,
}

impl RefusalKind {
    pub(super) fn reason(
        self,
        what: impl Into<String>,
        why: impl Into<String>,
        next: impl Into<Next>,
    ) -> Reason {
        Reason { kind: self, problem: Problem::new(what, why, next) }
    }
}

/// Declares the kinds with their codes, and the list of all of them.
macro_rules! kinds {
    ($(#[doc = $doc:literal] $kind:ident = $code:literal,)*) => {
        /// What a refusal is about, whatever its words. Each has one place in the sources, and tests/plan/day2/walk follows the advice of
        /// each: what was refused for this reason must not be refused for it again.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum RefusalKind {
            $(#[doc = $doc] $kind,)*
        }

        impl RefusalKind {
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The word for it in JSON, which never changes.
            pub(crate) fn code(self) -> &'static str {
                match self {
                    $(Self::$kind => $code,)*
                }
            }

            /// What it means, for the documentation.
            pub(crate) fn meaning(self) -> &'static str {
                match self {
                    $(Self::$kind => $doc,)*
                }
            }
        }
    };
}

kinds! {
    // Of the whole inventory.
    /// A host that the plan needs did not answer.
    Unreachable = "unreachable",
    /// A node's RabbitMQ does not support a question that the plan depends on.
    UnsupportedQuestion = "unsupported-question",
    /// There is no broker that the playbook could work on.
    NoBroker = "no-broker",
    /// A template cannot be rendered.
    TemplateFails = "template-fails",
    /// `--limit` leaves out a step that others depend on.
    LeftOut = "left-out",
    /// `--without` leaves out a broker that must be asked.
    BrokerLeftOut = "broker-left-out",
    /// Two hosts of the inventory are one machine.
    SameMachine = "same-machine",
    /// The controller's own clock is wrong.
    ControllersClock = "controllers-clock",

    // What is in the way on a host.
    /// The host's system or release is not supported.
    UnsupportedSystem = "unsupported-system",
    /// systemd does not run as process 1.
    NoSystemd = "no-systemd",
    /// A unit that the plan starts is masked.
    UnitMasked = "unit-masked",
    /// There is less free disk space than the playbook asks for.
    TooLittleDisk = "too-little-disk",
    /// There is less memory than a broker needs.
    TooLittleMemory = "too-little-memory",
    /// A file system has no room for what a step writes.
    NoRoom = "no-room",
    /// The host's clock is off, and its time service has not corrected it.
    WrongClock = "wrong-clock",
    /// The host's clock is off by more than packages can be installed with.
    WrongClockForPackages = "wrong-clock-for-packages",
    /// The host's clock is off, and no time service is managed there.
    WrongClockUnmanaged = "wrong-clock-unmanaged",
    /// A file to be written is a symbolic link.
    FileIsLink = "file-is-link",
    /// A file to be written is a directory.
    FileIsDirectory = "file-is-directory",
    /// A file to be written is no regular file.
    FileIsSpecial = "file-is-special",
    /// A file to be written cannot be read by user rabbitmq.
    FileUnreadable = "file-unreadable",
    /// A file to be written has a second name (a hard link).
    FileHasSecondName = "file-has-second-name",
    /// A file to be written is too large or not UTF-8.
    FileIsNoText = "file-is-no-text",
    /// What is at the cookie's path is no file that user rabbitmq can use.
    CookieInTheWay = "cookie-in-the-way",
    /// The cookie file is a symbolic link.
    CookieIsLink = "cookie-is-link",
    /// Names do not resolve as in the inventory, and /etc/hosts is not managed.
    NamesDoNotResolve = "names-do-not-resolve",
    /// A name resolves to another address although /etc/hosts is right.
    NamesResolveElsewhere = "names-resolve-elsewhere",
    /// A firewall filters in which rabbitup cannot open ports.
    FirewallUnknown = "firewall-unknown",
    /// A port of another host cannot be reached.
    PortBlocked = "port-blocked",
    /// No interface of a load balancer is in the network of the address that it shares.
    VipOutsideNetworks = "vip-outside-networks",
    /// keepalived runs on a load balancer for something else, which would end.
    KeepalivedInUse = "keepalived-in-use",
    /// Another machine has the address that load balancers are to share.
    VipInUse = "vip-in-use",

    // What outranks the inventory.
    /// With which environment the broker starts cannot be determined.
    EnvironmentUnknown = "environment-unknown",
    /// The node's name is set to another one on the host.
    OtherNodeName = "other-node-name",
    /// Whether the node has a long name is set otherwise on the host.
    LongNodeName = "long-node-name",
    /// The broker would start with other data.
    DataOfNextStart = "data-of-next-start",
    /// The cookie is set elsewhere than in its file.
    CookieElsewhere = "cookie-elsewhere",
    /// RabbitMQ's tools on the host use another node or place.
    ToolsElsewhere = "tools-elsewhere",
    /// A setting on the host outranks the inventory.
    SettingOutranked = "setting-outranked",
    /// The node's address family is set otherwise on the host.
    OtherAddressFamily = "other-address-family",
    /// The address family of a cluster that runs would change.
    AddressFamilyOfCluster = "address-family-of-cluster",
    /// The installed RabbitMQ does not know a key of rabbitmq.conf.
    SettingUnknown = "setting-unknown",
    /// A plugin of the inventory is not installed.
    PluginMissing = "plugin-missing",
    /// A plugin's files would be lost.
    PluginLost = "plugin-lost",
    /// The definitions are not what RabbitMQ accepts.
    DefinitionsNotAccepted = "definitions-not-accepted",

    // A host whose name and data differ.
    /// A node of another name runs on the host.
    OtherNodeRuns = "other-node-runs",
    /// The node would start empty although the data of another name is there.
    EmptyBesideData = "empty-beside-data",
    /// The host cannot be renamed: it has data under another name.
    RenamedWithData = "renamed-with-data",
    /// Where the node has its data cannot be determined.
    DataPlaceUnknown = "data-place-unknown",
    /// The node's data is where rabbitup does not move it aside.
    DataNotMoved = "data-not-moved",
    /// Queues of the node are outside its data directory.
    QueuesNotMoved = "queues-not-moved",

    // Packages, and the data under them.
    /// The wanted version is not offered to the host.
    VersionNotOffered = "version-not-offered",
    /// The version that the others run is not offered to the host.
    VersionOfOthersNotOffered = "version-of-others-not-offered",
    /// What is offered to a host that has data was never fetched.
    OfferUnknownOverData = "offer-unknown-over-data",
    /// The installation would remove other packages.
    RemovesOthers = "removes-others",
    /// An offered version is no version number.
    NoVersionNumber = "no-version-number",
    /// The node runs although its package was removed.
    PackageRemovedUnderneath = "package-removed-underneath",
    /// Which version wrote the node's data is not known.
    DataOfUnknownVersion = "data-of-unknown-version",
    /// The node's data is of a newer version.
    DataOfNewerVersion = "data-of-newer-version",
    /// The old series must first be at one of its last versions.
    SeriesEndsFirst = "series-ends-first",
    /// The upgrade needs a series in between.
    SeriesBetween = "series-between",
    /// The upgrade needs feature flags that only a running node can enable.
    FlagsNeedRunningNode = "flags-need-running-node",
    /// 3.13 with Khepri cannot be upgraded.
    ExperimentalKhepri = "experimental-khepri",
    /// Policies mirror queues, which the new version does not support.
    MirroringPolicies = "mirroring-policies",
    /// Which versions are offered to the host was never fetched.
    UpgradeOfferUnknown = "upgrade-offer-unknown",
    /// The version to upgrade to is not offered to the host.
    UpgradeNotOffered = "upgrade-not-offered",
    /// The version to upgrade to is offered to another host only.
    UpgradeOfferedElsewhere = "upgrade-offered-elsewhere",
    /// A node that does not serve cannot be upgraded with the others.
    UpgradeOfStoppedNode = "upgrade-of-stopped-node",

    // Nodes that do not run or do not answer.
    /// A node runs but does not answer.
    NodeSilent = "node-silent",
    /// A node cannot start: its cluster no longer lists it.
    NodeForgotten = "node-forgotten",
    /// A node does not serve, so none of the others can be stopped.
    RestartBesideStoppedNode = "restart-beside-stopped-node",
    /// A blank node waits for the node whose cluster it enters.
    AnchorNotStarted = "anchor-not-started",
    /// The node whose cluster another should join does not serve.
    AnchorNotServing = "anchor-not-serving",

    // Membership.
    /// A node has data of its own, which joining would destroy.
    OwnData = "own-data",
    /// A node does not know feature flags that the cluster has enabled.
    FlagsUnknown = "flags-unknown",
    /// A node was down while its cluster's membership changed.
    MembersMovedOn = "members-moved-on",
    /// The cluster still lists a node that does not know the cluster.
    ListedButBlank = "listed-but-blank",
    /// A node takes itself for a member of a cluster that does not list it.
    ForgottenButRunning = "forgotten-but-running",
    /// A node is a member of another cluster.
    OtherCluster = "other-cluster",
    /// A node is not a broker in the inventory.
    NotABroker = "not-a-broker",
    /// More members are unknown than `--prune` removes.
    TooManyToPrune = "too-many-to-prune",
    /// The node to remove is the last disc node.
    LastDiscNode = "last-disc-node",
    /// The last disc node cannot become a RAM node.
    LastDiscToRam = "last-disc-to-ram",
    /// A node cannot be removed from a cluster of two with Khepri.
    OneOfTwo = "one-of-two",
    /// A node cannot be removed from a cluster that is not whole.
    RemovalFromIncomplete = "removal-from-incomplete",
    /// There are more queues than could be inspected.
    QueuesNotCounted = "queues-not-counted",
    /// A node has the only copy of queues.
    OnlyCopies = "only-copies",
    /// A node has the only replica of replicated queues.
    OnlyReplicas = "only-replicas",
    /// No node runs that could tell which queues only one node has.
    OnlyCopiesUnseen = "only-copies-unseen",
    /// No other node runs that could forget a node.
    NobodyForgets = "nobody-forgets",

    // Nodes that are taken out of service.
    /// A queue always needs the node that would be stopped.
    NeverSpared = "never-spared",
    /// A node cannot be stopped while its cluster is not whole.
    ClusterIncomplete = "cluster-incomplete",
    /// A node must not stop during a cookie rotation.
    RotationUnfinished = "rotation-unfinished",
    /// A balancer that cannot be changed at run time sends the PROXY protocol's header to all brokers or to none.
    HeaderForAllOrNone = "header-for-all-or-none",

    // Cookies.
    /// The cookie of a running cluster would change.
    CookieOfCluster = "cookie-of-cluster",
    /// Debian's package would replace the cluster's cookie at its next upgrade.
    CookieNotLasting = "cookie-not-lasting",
    /// Debian's package would replace the node's cookie at this upgrade.
    CookieLostByUpgrade = "cookie-lost-by-upgrade",
    /// Cookie files were changed while their cluster ran.
    CookieFilesChanged = "cookie-files-changed",
    /// A node runs with another cookie than its file's, which recover-node does not help.
    CookieNotRecoverable = "cookie-not-recoverable",
    /// A node does not answer, so it cannot get the new cookie.
    RotationOfSilentNode = "rotation-of-silent-node",
    /// The nodes do not see each other, so no cookie can be changed.
    RotationOfIncomplete = "rotation-of-incomplete",
    /// A node runs with another cookie than its file's, so it cannot get the new one.
    RotationOfChangedFile = "rotation-of-changed-file",
    /// No cookie of the running nodes has a majority.
    RotationWithoutMajority = "rotation-without-majority",
    /// Some files contain the new cookie already.
    RotationTooLateToRevert = "rotation-too-late-to-revert",
    /// A node accepts neither cookie on its host.
    RotationOfUnknownCookie = "rotation-of-unknown-cookie",

    // Queues.
    /// No node runs that could be asked about the queue.
    SyncWithoutNode = "sync-without-node",
    /// The RabbitMQ version has no mirrored queues.
    SyncUnsupported = "sync-unsupported",
    /// There is no such queue.
    SyncUnknownQueue = "sync-unknown-queue",
    /// The queue is not mirrored.
    SyncOtherKind = "sync-other-kind",
}
