//! What steps do, one file per family: an operation's data, its effect on the facts, its call on the
//! host, and its shell code in the file of the same name beside it. The planner proposes operations, `apply` runs
//! them, and neither refers to a particular one without a specific reason.
//!
//! To add one: its type and its [`Operate`] in a file here, its shell beside it, its name in the list below.

mod balancer;
mod broker;
mod call;
mod cluster;
mod cookie;
mod definitions;
mod enter;
mod file;
mod firewall;
mod host_name;
mod join;
mod leave;
mod loss;
mod membership;
mod packages;
mod queues;
mod roll;
mod rotation;
mod selinux;
mod shell;
mod trial;
mod unit;
mod upgrade;
mod virtual_address;
mod world;

pub use balancer::{BalancerState, Moved, SwitchServer};
pub(crate) use broker::InterruptBoot;
pub use broker::{StartApp, StartBroker, StopBroker};
pub(crate) use call::{Call, line};
pub use cluster::ChangeNodeType;
pub(crate) use cluster::{SetClusterName, SetPlugins};
pub(crate) use cookie::GuardCookie;
pub use cookie::InstallCookie;
pub(crate) use definitions::{CloseGuest, ImportDefinitions, PutAdmin};
pub use enter::EnterCluster;
pub use file::{Proof, Validator};
pub(crate) use file::{RemoveLeftovers, Then, WriteFile};
pub(crate) use firewall::{KeepOpenings, OpenPorts};
pub(crate) use host_name::SetHostName;
pub use join::JoinCluster;
pub(crate) use join::JoinCommand;
pub(crate) use leave::MayGo;
pub use leave::{ForgetNode, KeepData, RetireBroker, StopUnknownMember};
pub(crate) use loss::{Amount, Loss};
pub use membership::ReleaseQueues;
pub(crate) use membership::{FollowPeer, ForgetOffline};
pub use packages::InstallPackages;
pub(crate) use packages::{Hold, HoldPackages, InstalledOver, PackageChoice, RemoveStalePolicy, unit_of};
pub use queues::GrowReplicas;
pub(crate) use queues::{CancelSyncQueue, QueueRef, SyncQueue};
pub(crate) use roll::{Rebalance, ReviveNode};
pub use roll::{RestartBroker, StopCheck};
pub(crate) use rotation::{AdoptCookie, CookieSide, DropStagedCookie, StageCookie, SwitchCookie};
pub(crate) use selinux::{LabelPort, SetSelinuxBoolean};
pub(crate) use shell::{Shell, with_all_below};
pub use unit::StartUnit;
pub(crate) use unit::{ReloadUnit, StopUnit};
pub(crate) use upgrade::EnableFeatureFlags;
pub use upgrade::UpgradeBroker;
pub(crate) use virtual_address::AwaitStandby;
pub(crate) use world::{Digests, Imported, World};

use serde::{Deserialize, Serialize};

use crate::model::SecretName;

/// What each operation defines. There are no defaults: an incomplete operation does not compile.
pub(crate) trait Operate {
    /// What it needs, and what it does to brokers and data.
    fn nature(&self) -> Nature;

    /// The step function and its arguments.
    ///
    /// # Errors
    /// The name of a secret that it needs and that is not known.
    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName>;

    /// Changes the facts as the step will change the hosts.
    fn effect(&self, world: &mut World<'_>);
}

/// The properties of an operation before it runs.
#[derive(Debug)]
pub struct Nature {
    /// The files of step functions that its call needs; the files that these need come with them.
    pub(crate) shell: &'static [&'static Shell],
    pub(crate) writes: Writes,
    pub broker: OnBroker,
    /// What it destroys and no later run can restore.
    pub(crate) losses: Vec<(Loss, Amount)>,
}

/// What an operation needs of its host's file systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    /// Nothing: it sends a request to a running node or balancer, or stops something, which may even free space.
    Nothing,
    /// It renames, removes or changes existing files.
    Changes,
    /// It writes new data, or starts a broker, whose database does.
    Anew,
}

/// What an operation does to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBroker {
    /// It neither starts nor stops.
    Untouched,
    /// It starts, with its current files.
    Starts,
    /// It stops once that is safe for the cluster, and starts with its current files.
    Restarts,
    /// RabbitMQ starts, or enters a cluster, in a running Erlang VM, which read its files before.
    Resumes,
    /// It stops.
    Stops,
    /// It stops once that is safe for the cluster, and leaves.
    Leaves,
}

impl OnBroker {
    /// Whether a broker starts with its current files.
    pub fn reads_files(self) -> bool {
        match self {
            Self::Starts | Self::Restarts => true,
            Self::Untouched | Self::Resumes | Self::Stops | Self::Leaves => false,
        }
    }

    /// Whether nodes have to connect to each other afterwards.
    pub fn brings_nodes_together(self) -> bool {
        match self {
            Self::Starts | Self::Restarts | Self::Resumes => true,
            Self::Untouched | Self::Stops | Self::Leaves => false,
        }
    }

    /// Whether the step may wait for minutes before it changes anything. It checks for the stop file meanwhile.
    pub fn waits_to_be_spared(self) -> bool {
        match self {
            Self::Restarts | Self::Leaves => true,
            Self::Untouched | Self::Starts | Self::Resumes | Self::Stops => false,
        }
    }
}

/// Over which connection a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// Over the run's own.
    AsIs,
    /// The same, but only after the host accepted a login over a new one: see [`KeepOpenings`].
    Anew,
}

/// Generates the enum of all operations, and the dispatch of each method.
macro_rules! operations {
    (with data: $($(#[$attribute:meta])* $with:ident)*; without: $($bare:ident)*) => {
        /// What a step does. Data only: the same value is shown, saved, executed, and its effect modelled.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Operation {
            $($(#[$attribute])* #[doc = concat!("See [`", stringify!($with), "`].")] $with($with),)*
            $(#[doc = concat!("See [`", stringify!($bare), "`].")] $bare,)*
        }

        impl Operation {
            /// The names of all operations.
            #[cfg(test)]
            pub const NAMES: &'static [&'static str] = &[$(stringify!($with),)* $(stringify!($bare),)*];

            /// See [`Operate::nature`].
            pub fn nature(&self) -> Nature {
                self.get().nature()
            }

            /// Whether the host must have accepted a new login before.
            pub(crate) fn login(&self) -> Login {
                if matches!(self, Self::KeepOpenings(_)) { Login::Anew } else { Login::AsIs }
            }

            /// The operation itself.
            pub(crate) fn get(&self) -> &dyn Operate {
                match self {
                    $(Self::$with(operation) => operation,)*
                    $(Self::$bare => &$bare,)*
                }
            }
        }

        $(impl From<$with> for Operation {
            fn from(operation: $with) -> Self {
                Self::$with(operation)
            }
        })*
        $(impl From<$bare> for Operation {
            fn from(_: $bare) -> Self {
                Self::$bare
            }
        })*
    };
}

operations! {
    with data:
        SetHostName
        OpenPorts KeepOpenings
        SetSelinuxBoolean LabelPort
        WriteFile RemoveLeftovers
        InstallPackages HoldPackages
        InstallCookie StageCookie SwitchCookie AdoptCookie DropStagedCookie
        StartUnit ReloadUnit StopUnit
        StopBroker InterruptBoot StartApp StartBroker EnterCluster
        RestartBroker UpgradeBroker ReviveNode SwitchServer EnableFeatureFlags Rebalance
        JoinCluster FollowPeer
        RetireBroker #[serde(rename = "stop_stranger")] StopUnknownMember ReleaseQueues ForgetNode ForgetOffline KeepData
        GrowReplicas SyncQueue CancelSyncQueue
        ChangeNodeType SetClusterName SetPlugins ImportDefinitions CloseGuest PutAdmin;
    without: RemoveStalePolicy GuardCookie AwaitStandby
}
