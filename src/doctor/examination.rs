use std::collections::{BTreeMap, BTreeSet};

use crate::facts::PortState;
use crate::model::HostName;

/// What is known beyond the facts. A host that could not be inspected is not in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examinations {
    /// The brokers' hosts.
    pub hosts: BTreeMap<HostName, Examination>,
    /// The last words of load balancers that do not run.
    pub balancers: BTreeMap<HostName, Vec<String>>,
}

/// One broker's host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examination {
    /// The running Erlang VM of a RabbitMQ node, whatever its name.
    pub vm: Option<Vm>,
    /// The feature flags enabled in the node's data; none without that file.
    pub feature_flags: Option<BTreeSet<String>>,
    pub unit: Unit,
    /// By the inventory's names, including this host at its own address, as others reach it.
    pub peers: BTreeMap<HostName, Peer>,
    /// This host at 127.0.0.1.
    pub loopback: Peer,
}

/// Start arguments of a VM that affect names and connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vm {
    pub pid: u32,
    /// `-proto_dist`, as in `inet_tls`.
    pub proto_dist: Option<String>,
    /// `RABBITMQ_USE_LONGNAME` and similar variables in the VM's environment.
    pub environment: BTreeMap<String, String>,
}

/// The state of the broker's unit, and its last log lines if it does not run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// `ActiveState` and `SubState`: `activating`, `auto-restart`.
    pub active: String,
    pub sub: String,
    /// `Result`: `success`, `exit-code`, `timeout`…
    pub result: String,
    /// `NRestarts`; None if systemd did not say.
    pub restarts: Option<u64>,
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
    /// Port 4369. None: not tried.
    pub epmd: Option<PortState>,
    /// The names that epmd knows, with their ports; none if it did not answer.
    pub names: Option<BTreeMap<String, u16>>,
    /// The tried ports of Erlang distribution: the one that the node should have, and the one that epmd names.
    pub ports: BTreeMap<u16, PortState>,
    pub answer: Answer,
}

impl Peer {
    /// The port of a node: the one that epmd names, else the one that was tried. None: none was.
    pub fn port_of(&self, name: &str) -> Option<u16> {
        let named = self.names.as_ref().and_then(|names| names.get(name).copied());
        named.or_else(|| self.ports.keys().next().copied())
    }
}

/// The result of asking the node for its name with this host's cookie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// Not asked: there is no erl_call here.
    #[default]
    NotAsked,
    /// It accepted this host, and this is its name.
    Name(String),
    /// The connection failed, for this reason; without a reason from erl_call, the cookie was refused.
    Refused(String),
    /// No answer within three seconds.
    TimedOut,
}
