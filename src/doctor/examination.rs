use std::collections::{BTreeMap, BTreeSet};

use crate::facts::PortState;
use crate::model::HostName;

/// What the brokers' hosts were asked beyond their facts. A host that could not be asked is not in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examinations {
    pub hosts: BTreeMap<HostName, Examination>,
}

/// One broker's host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examination {
    /// The running Erlang VM of a RabbitMQ node, whatever it calls itself.
    pub vm: Option<Vm>,
    /// The feature flags that the node's data has enabled; none where there is no such note.
    pub feature_flags: Option<BTreeSet<String>>,
    pub unit: Unit,
    /// By the inventory's names, this host among them at its own address: the way that others take.
    pub peers: BTreeMap<HostName, Peer>,
    /// This host behind 127.0.0.1.
    pub loopback: Peer,
}

/// What decides on names and connections, of what a VM was started with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vm {
    pub pid: u32,
    /// `-proto_dist`, as in `inet_tls`.
    pub proto_dist: Option<String>,
    /// `RABBITMQ_USE_LONGNAME` and the like, as the VM's own environment has them.
    pub environment: BTreeMap<String, String>,
}

/// How the broker's unit stands, and what it said last where it does not run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// `ActiveState` and `SubState`: `activating`, `auto-restart`.
    pub active: String,
    pub sub: String,
    /// `Result`: `success`, `exit-code`, `timeout`…
    pub result: String,
    pub restarts: u64,
    /// The lines around RabbitMQ's last "BOOT FAILED".
    pub failure: Vec<String>,
    /// The end of the node's log.
    pub log: Vec<String>,
    /// The end of the unit's journal.
    pub journal: Vec<String>,
}

/// Another node as seen from a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Port 4369. None: it was not tried.
    pub epmd: Option<PortState>,
    /// The names that epmd knows, with their ports; none where it did not answer.
    pub names: Option<BTreeMap<String, u16>>,
    /// The tried ports of Erlang distribution: 25672, and the one that epmd names.
    pub ports: BTreeMap<u16, PortState>,
    pub answer: Answer,
}

impl Peer {
    /// The port of a node: what epmd names, else the packages' own.
    pub fn port_of(&self, name: &str) -> u16 {
        self.names.as_ref().and_then(|names| names.get(name).copied()).unwrap_or(DISTRIBUTION)
    }
}

/// RabbitMQ's port for Erlang distribution where nothing else is set: 20000 more than AMQP's.
pub const DISTRIBUTION: u16 = 25672;

/// What came back when the node was asked for its name with this host's cookie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// It was not asked: no erl_call here.
    #[default]
    NotAsked,
    /// It let this host in, and calls itself so.
    Name(String),
    /// The connection came to nothing, for the reason given; where erl_call gives none, the cookie was refused.
    Refused(String),
    /// No answer within three seconds.
    TimedOut,
}
