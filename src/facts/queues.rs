use std::fmt;

use serde::{Deserialize, Serialize};

use super::ClusterMember;
use crate::model::NodeName;

/// A queue and who holds it, as the metadata store has it. No queue's process is asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueFacts {
    pub vhost: String,
    pub name: String,
    pub kind: QueueKind,
    pub durable: bool,
    pub exclusive: bool,
    /// Where its leader (a classic queue's only process) is, as far as the asked node knows, which may lag behind an
    /// election.
    pub leader: Option<NodeName>,
    /// Every node with a replica, the leader's among them.
    pub replicas: Vec<NodeName>,
    /// Mirrored queues: the replicas in sync, the leader's among them. For the others: as `replicas`.
    pub in_sync: Vec<NodeName>,
    /// How many replicas it was to have (`x-quorum-initial-group-size`, `x-initial-cluster-size`); none where
    /// nothing says so.
    pub wanted: Option<u32>,
    /// Ready and unacknowledged, where its node counts them: those that only the asked node has it asks for at that moment,
    /// of others it knows the last statistics. None where nobody told.
    pub messages: Option<u64>,
    /// How many bindings lead to it, the default exchange's not counted; none where nobody told.
    #[serde(default)]
    pub bindings: Option<u64>,
}

/// How many replicas a quorum queue or a stream gets where nothing was said: RabbitMQ's own default.
const REPLICAS: usize = 3;

impl QueueFacts {
    /// How many replicas it lacks on the members of its cluster; those on nodes that left do not count.
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
    /// Held by one node.
    Classic,
    /// A classic queue that a policy mirrors (`ha-mode`), which RabbitMQ 4.0 did away with.
    Mirrored,
    Quorum,
    Stream,
    /// A kind that a plugin brings, such as MQTT's.
    Other,
}

impl QueueKind {
    /// Whether the nodes that hold such a queue are chosen once and stay until somebody grows or shrinks it.
    pub fn is_replicated(self) -> bool {
        matches!(self, Self::Quorum | Self::Stream)
    }
}
