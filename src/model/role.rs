use serde::{Deserialize, Serialize};

/// What a host is for.
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

    /// The word as the inventory writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::LoadBalancer => "load-balancer",
            Self::TimeSource => "time-source",
        }
    }
}

/// Where a node keeps the cluster's metadata. RAM nodes exist up to RabbitMQ 4.2, and only with Mnesia.
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

/// Whether node names end in a bare host name or in a fully qualified one. Erlang never mixes the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NameMode {
    #[default]
    Short,
    Long,
}

impl NameMode {
    /// The flag by which erl(1) and erl_call(1) are told.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Short => "-sname",
            Self::Long => "-name",
        }
    }
}
