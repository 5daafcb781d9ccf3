//! Which ports of other hosts a host reaches.

use serde::{Deserialize, Serialize};

use crate::model::HostName;

/// Whether this host reaches a port of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    pub peer: HostName,
    pub port: u16,
    #[serde(default)]
    pub purpose: Purpose,
    pub state: PortState,
}

/// What a host needs a port of another one for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A broker asks for the other node's port.
    #[default]
    Epmd,
    /// A broker connects to the other node.
    Distribution,
    /// A load balancer sends AMQP clients there.
    Amqp,
    /// A load balancer sends users of the management UI there.
    Management,
    /// A load balancer sends clients of another listener there.
    Offered,
}

impl Purpose {
    /// As the probe prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Epmd => "epmd",
            Self::Distribution => "distribution",
            Self::Amqp => "amqp",
            Self::Management => "management",
            Self::Offered => "offered",
        }
    }

    /// In a message.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Epmd => "epmd",
            Self::Distribution => "Erlang distribution",
            Self::Amqp => "AMQP",
            Self::Management => "the management UI",
            Self::Offered => "another listener of the load balancer",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortState {
    Open,
    /// Nothing listens, but the host answered: no firewall blocks the port.
    Refused,
    /// No answer within a second: a firewall drops, or the host is gone.
    Filtered,
    /// A router or firewall answered "unreachable" or "prohibited".
    Rejected,
}
