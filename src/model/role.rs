use serde::{Deserialize, Serialize};

/// The role of a host.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs a RabbitMQ node.
    Broker,
    /// Runs HAProxy or nginx in front of the brokers.
    LoadBalancer,
    /// Serves time to the hosts of the inventory.
    TimeSource,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Broker, Self::LoadBalancer, Self::TimeSource];

    /// The word in the inventory.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::LoadBalancer => "load-balancer",
            Self::TimeSource => "time-source",
        }
    }
}

/// Where a node stores the cluster's metadata. RAM nodes exist up to RabbitMQ 4.2, and only with Mnesia.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum NodeType {
    Disc,
    Ram,
}

impl NodeType {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disc => "disc",
            Self::Ram => "ram",
        }
    }
}

/// Whether node names use a short or a fully qualified host name. Erlang does not allow mixing them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NameMode {
    #[default]
    Short,
    Long,
}

impl NameMode {
    /// The flag of erl(1) and erl_call(1).
    pub fn flag(self) -> &'static str {
        match self {
            Self::Short => "-sname",
            Self::Long => "-name",
        }
    }
}
