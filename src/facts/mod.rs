//! Facts of the hosts, from one round trip each. `probe.sh` collects them, `parse` reads its output; nothing here changes a host,
//! and a missing tool is an absent fact, never an error.

mod broker;
mod cloud_init;
mod command;
mod environment;
mod file;
mod holdings;
mod host;
mod load_balancer;
mod member;
mod parse;
#[cfg(test)]
mod probe_tests;
mod queues;
mod reach;
mod request;
mod selinux;
mod storage;
mod under_way;
mod virtual_address;
#[cfg(test)]
mod virtual_address_tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::model::MetadataStore;
pub use crate::platform::{OsFamily, PackageFacts};
pub(crate) use broker::AdminPassword;
pub use broker::{BrokerState, FeatureFlags, Guest, NodeFacts, Partition};
pub use cloud_init::{CloudInit, HostsFileRule};
pub(crate) use command::command_text;
pub use environment::{BrokerEnvironment, CookieSetting, EnvironmentSetting, MainConfiguration};
pub use file::{FileFacts, FileKind, InTheWay};
pub use holdings::{HoldingCounts, Holdings, QueueHolding};
pub(crate) use host::PackageLock;
pub use host::{
    Clock, CookieFile, CookieShape, DataPlace, Failing, HostFacts, HostNameFacts, NodeData, PluginFiles,
    Privilege, Resources, System, TimeService, UnitFacts,
};
pub use load_balancer::{Backend, Configuration, LoadBalancerFacts};
pub use member::ClusterMember;
pub(crate) use parse::{Frames, ParseError};
pub use parse::{clock_line, parse};
pub use queues::{QueueFacts, QueueKind};
pub use reach::{PortState, Purpose, Reach};
pub use request::{Lookup, PeerPort, ProbeRequest};
pub use selinux::{SelinuxBoolean, SelinuxFacts, SelinuxMode, SelinuxPort, Switch};
pub use storage::{Access, LEAST_TO_WRITE, Storage};
pub(crate) use storage::{Shortage, shortages};
pub use under_way::RunUnderWay;
pub use virtual_address::{Neighbour, Verdict, VirtualAddressFacts};

use crate::model::HostName;

/// The facts of every host in the inventory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    pub hosts: BTreeMap<HostName, Observation>,
}

/// The result of probing one host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observation {
    Reached(Box<HostFacts>),
    Unreachable(Unreachable),
    /// The operator left it out (`--without`): it was not contacted.
    LeftOut,
}

/// Why a host could not be probed, and the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreachable {
    pub cause: UnreachableCause,
    /// The messages of ssh or the host, in whole lines.
    pub evidence: String,
}

/// Causes with different fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnreachableCause {
    /// The address does not answer, refuses, or has no route.
    NoConnection,
    /// The host's name for ssh does not resolve.
    NameUnknown,
    /// ssh does not start: its configuration file is missing or wrong.
    SshConfiguration,
    /// The host's key has changed: possibly an attack.
    HostKeyChanged,
    /// The host's key is unknown, and `host_keys = "strict"`.
    HostKeyUnknown,
    /// ssh reached the host, which accepts none of the keys offered.
    AuthenticationRefused,
    /// Logged in, but the login shell does not start /bin/sh.
    LoginShell,
    /// Logged in, but neither root nor able to become root.
    NoPrivilege,
    /// Logged in, and sudo asks for a password that was not given.
    SudoPassword,
    /// Logged in, and sudo refuses the password that was given.
    SudoPasswordRefused,
    /// Logged in, but sudo allows the user only other commands than the needed one.
    SudoRule,
    /// Logged in, but the reply was incomplete.
    Garbled,
    /// Logged in, but the reply timed out.
    TimedOut,
}

/// What a host that could not be inspected stopped at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// Nobody could log in.
    Login,
    /// The login works; becoming root by sudo does not.
    Sudo,
    /// The login works; what came after it does not.
    Session,
}

impl UnreachableCause {
    pub fn barrier(self) -> Barrier {
        match self {
            Self::NoConnection
            | Self::NameUnknown
            | Self::SshConfiguration
            | Self::HostKeyChanged
            | Self::HostKeyUnknown
            | Self::AuthenticationRefused => Barrier::Login,
            Self::SudoPassword | Self::SudoPasswordRefused | Self::SudoRule => Barrier::Sudo,
            Self::LoginShell | Self::NoPrivilege | Self::Garbled | Self::TimedOut => Barrier::Session,
        }
    }
}

impl Facts {
    /// The facts of a host that answered.
    pub fn host(&self, name: &HostName) -> Option<&HostFacts> {
        match self.hosts.get(name) {
            Some(Observation::Reached(facts)) => Some(facts),
            _ => None,
        }
    }

    pub fn host_mut(&mut self, name: &HostName) -> Option<&mut HostFacts> {
        match self.hosts.get_mut(name) {
            Some(Observation::Reached(facts)) => Some(facts),
            _ => None,
        }
    }

    /// The first host on which a rabbitup script runs, and its process.
    pub fn at_work(&self) -> Option<(&HostName, u32)> {
        self.hosts.keys().find_map(|name| Some((name, self.host(name)?.at_work?)))
    }

    /// The hosts whose lock a run holds, and that run.
    pub fn under_way(&self) -> impl Iterator<Item = (&HostName, &RunUnderWay)> {
        self.hosts.keys().filter_map(|name| Some((name, self.host(name)?.under_way.as_ref()?)))
    }

    /// The hosts that did not answer, sorted by name.
    pub fn unreachable(&self) -> impl Iterator<Item = (&HostName, &Unreachable)> {
        self.hosts.iter().filter_map(|(name, seen)| match seen {
            Observation::Unreachable(why) => Some((name, why)),
            Observation::Reached(_) | Observation::LeftOut => None,
        })
    }
}
