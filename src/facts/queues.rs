use std::fmt;

use serde::{Deserialize, Serialize};

use super::ClusterMember;
use crate::model::NodeName;

/// A queue and the nodes that have it, from the metadata store. No queue process is asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueFacts {
    pub vhost: String,
    pub name: String,
    pub kind: QueueKind,
    pub durable: bool,
    pub exclusive: bool,
    /// The node of its leader (a classic queue's only process), as known to the asked node, which may lag behind an election.
    pub leader: Option<NodeName>,
    /// Every node with a replica, including the leader's.
    pub replicas: Vec<NodeName>,
    /// Mirrored queues: the replicas in sync, including the leader's. Others: same as `replicas`.
    pub in_sync: Vec<NodeName>,
    /// The declared number of replicas (`x-quorum-initial-group-size`, `x-initial-cluster-size`); none if not declared.
    pub wanted: Option<u32>,
    /// Ready and unacknowledged messages: current counts for queues that only the asked node has, the last statistics for others.
    /// None if unknown.
    pub messages: Option<u64>,
    /// The number of its bindings, except from the default exchange; none if unknown.
    #[serde(default)]
    pub bindings: Option<u64>,
}

/// The default number of replicas of a quorum queue or a stream, from RabbitMQ.
const REPLICAS: usize = 3;

impl QueueFacts {
    /// How many replicas it lacks on the members of its cluster; those on former members do not count.
    pub fn lacks(&self, members: &[ClusterMember]) -> usize {
        if !self.kind.is_replicated() {
            return 0;
        }
        let wanted = self.wanted.and_then(|wanted| usize::try_from(wanted).ok()).unwrap_or(REPLICAS);
        let has = members.iter().filter(|member| self.replicas.contains(&member.node)).count();
        wanted.min(members.len()).saturating_sub(has)
    }

    /// The nodes with a replica that is not in sync.
    pub fn unsynchronised(&self) -> impl Iterator<Item = &NodeName> {
        self.replicas.iter().filter(|node| !self.in_sync.contains(node))
    }
}

/// `orders`; in another virtual host than `/`, `orders (virtual host shop)`.
impl fmt::Display for QueueFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.vhost.as_str() {
            "/" => f.write_str(&self.name),
            vhost => write!(f, "{} (virtual host {vhost})", self.name),
        }
    }
}

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum QueueKind {
    /// On one node only.
    Classic,
    /// A classic queue that a policy mirrors (`ha-mode`), removed in RabbitMQ 4.0.
    Mirrored,
    Quorum,
    Stream,
    /// A queue type of a plugin, such as MQTT's.
    Other,
}

impl QueueKind {
    /// Whether the nodes of such a queue are chosen once and stay until it is grown or shrunk.
    pub fn is_replicated(self) -> bool {
        matches!(self, Self::Quorum | Self::Stream)
    }
}
