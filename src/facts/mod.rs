//! What was observed on the hosts, in one round trip each. `probe.sh` observes, `parse` reads what it printed;
//! nothing here changes a host, and a tool that a host lacks is an absent fact, never an error.

mod broker;
mod holdings;
mod host;
mod parse;
mod queues;
mod request;
mod storage;
mod under_way;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::model::MetadataStore;
pub use crate::platform::{OsFamily, PackageFacts};
pub use broker::{AdminPassword, BrokerState, ClusterMember, FeatureFlags, Guest, NodeFacts, Partition};
pub use holdings::{HoldingCounts, Holdings, QueueHolding};
pub use host::{
    Backend, Clock, CookieFile, CookieShape, DataPlace, FileFacts, FileKind, HostFacts, HostNameFacts,
    InTheWay, LoadBalancerFacts, NodeData, PackageLock, PortState, Privilege, Reach, Resources, System,
    TimeService, UnitFacts,
};
pub(crate) use parse::Frames;
pub use parse::{ParseError, clock_line, parse};
pub use queues::{QueueFacts, QueueKind};
pub use request::{PeerPort, ProbeRequest, command_text};
pub use storage::{Access, LEAST_TO_WRITE, Shortage, Storage, shortages};
pub use under_way::RunUnderWay;

use crate::model::HostName;

/// Everything that was observed, for every host of the inventory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    pub hosts: BTreeMap<HostName, Observation>,
}

/// What the controller learned of one host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observation {
    Reached(Box<HostFacts>),
    Unreachable(Unreachable),
}

/// Why a host could not be observed, and the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreachable {
    pub cause: UnreachableCause,
    /// What ssh or the host said, whole lines.
    pub evidence: String,
}

/// The causes that ask for different remedies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnreachableCause {
    /// The address does not answer, refuses, or has no route.
    NoConnection,
    /// The host's name for ssh does not resolve.
    NameUnknown,
    /// ssh does not start: its configuration file is missing or wrong.
    SshConfiguration,
    /// The host's key is not the one that is known: possibly somebody in the middle.
    HostKeyChanged,
    /// The host's key is not known, and `host_keys = "strict"`.
    HostKeyUnknown,
    /// ssh reached the host, which accepts none of the keys offered.
    AuthenticationRefused,
    /// Logged in, but neither root nor able to become root.
    NoPrivilege,
    /// Logged in, and sudo asks for a password that was not given.
    SudoPassword,
    /// Logged in, and sudo refuses the password that was given.
    SudoPasswordRefused,
    /// Logged in, and sudo lets the login run some commands, but not the one that is needed.
    SudoRule,
    /// Logged in, but what came back is not a complete answer.
    Garbled,
    /// Logged in, but no answer within the time.
    TimedOut,
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

    /// The first host on which a script of rabbitup runs, and its process.
    pub fn at_work(&self) -> Option<(&HostName, u32)> {
        self.hosts.keys().find_map(|name| Some((name, self.host(name)?.at_work?)))
    }

    /// The hosts whose lock a run holds, and that run.
    pub fn under_way(&self) -> impl Iterator<Item = (&HostName, &RunUnderWay)> {
        self.hosts.keys().filter_map(|name| Some((name, self.host(name)?.under_way.as_ref()?)))
    }

    /// The hosts that did not answer, in the order of their names.
    pub fn unreachable(&self) -> impl Iterator<Item = (&HostName, &Unreachable)> {
        self.hosts.iter().filter_map(|(name, seen)| match seen {
            Observation::Unreachable(why) => Some((name, why)),
            Observation::Reached(_) => None,
        })
    }
}
