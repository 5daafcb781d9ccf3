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

/// Declares the kinds, and the list of all of them.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident,)*) => {
        /// What a refusal is about, whatever its words. Each has one place in the sources, and tests/plan/day2/walk follows the advice of
        /// each: what was refused for this reason must not be refused for it again.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum RefusalKind {
            $($(#[$doc])* $kind,)*
        }

        impl RefusalKind {
            pub const ALL: &[Self] = &[$(Self::$kind,)*];
        }
    };
}

kinds! {
    // Of the whole inventory.
    Unreachable,
    UnsupportedQuestion,
    NoBroker,
    TemplateFails,
    /// `--limit` leaves out a step that others depend on.
    LeftOut,
    SameMachine,
    ControllersClock,

    // What is in the way on a host.
    UnsupportedSystem,
    NoSystemd,
    TooLittleDisk,
    TooLittleMemory,
    NoRoom,
    WrongClock,
    WrongClockForPackages,
    WrongClockUnmanaged,
    FileIsLink,
    FileIsDirectory,
    FileIsSpecial,
    FileUnreadable,
    FileHasSecondName,
    FileIsNoText,
    CookieInTheWay,
    CookieIsLink,
    NamesDoNotResolve,
    NamesResolveElsewhere,
    FirewallUnknown,
    PortBlocked,
    /// No interface of a load balancer is in the network of the address that it shares.
    VipOutsideNetworks,

    // What outranks the inventory.
    EnvironmentUnknown,
    OtherNodeName,
    LongNodeName,
    DataOfNextStart,
    CookieElsewhere,
    ToolsElsewhere,
    SettingOutranked,
    OtherAddressFamily,
    AddressFamilyOfCluster,
    SettingUnknown,
    PluginMissing,
    PluginLost,
    DefinitionsNotAccepted,

    // A host whose name and data differ.
    OtherNodeRuns,
    EmptyBesideData,
    RenamedWithData,
    DataPlaceUnknown,
    DataNotMoved,
    QueuesNotMoved,

    // Packages, and the data under them.
    VersionNotOffered,
    VersionOfOthersNotOffered,
    OfferUnknownOverData,
    RemovesOthers,
    NoVersionNumber,
    PackageRemovedUnderneath,
    DataOfUnknownVersion,
    DataOfNewerVersion,
    SeriesEndsFirst,
    SeriesBetween,
    FlagsNeedRunningNode,
    ExperimentalKhepri,
    MirroringPolicies,
    UpgradeOfferUnknown,
    UpgradeNotOffered,
    UpgradeOfferedElsewhere,
    UpgradeOfStoppedNode,

    // Nodes that do not run or do not answer.
    NodeSilent,
    NodeForgotten,
    RestartBesideStoppedNode,
    AnchorNotStarted,
    AnchorNotServing,

    // Membership.
    OwnData,
    FlagsUnknown,
    MembersMovedOn,
    ListedButBlank,
    ForgottenButRunning,
    OtherCluster,
    NotABroker,
    TooManyToPrune,
    LastDiscNode,
    LastDiscToRam,
    OneOfTwo,
    RemovalFromIncomplete,
    QueuesNotCounted,
    OnlyCopies,
    OnlyReplicas,
    OnlyCopiesUnseen,
    NobodyForgets,

    // Nodes that are taken out of service.
    NeverSpared,
    ClusterIncomplete,
    RotationUnfinished,

    // Cookies.
    CookieOfCluster,
    CookieNotLasting,
    CookieLostByUpgrade,
    CookieFilesChanged,
    CookieNotRecoverable,
    RotationOfSilentNode,
    RotationOfIncomplete,
    RotationOfChangedFile,
    RotationWithoutMajority,
    RotationTooLateToRevert,
    RotationOfUnknownCookie,

    // Queues.
    SyncWithoutNode,
    SyncUnsupported,
    SyncUnknownQueue,
    SyncOtherKind,
}
