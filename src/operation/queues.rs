use serde::{Deserialize, Serialize};

use super::{Call, Nature, OnBroker, Operate, Shell, World, Writes, cluster};
use crate::facts::{QueueFacts, QueueKind};
use crate::model::{NameMode, NodeName, SecretName};
use crate::rabbitmq::internals;

pub(super) const SHELL: Shell = Shell {
    asks: &[internals::CAUGHT_UP, internals::LACKING, internals::MIRRORS, internals::SYNCHRONISE],
    on: &[&cluster::SHELL],
    ..Shell::of("queues", include_str!("queues.sh"))
};

/// A queue by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QueueRef {
    pub vhost: String,
    pub name: String,
    pub kind: QueueKind,
}

impl From<&QueueFacts> for QueueRef {
    fn from(queue: &QueueFacts) -> Self {
        Self { vhost: queue.vhost.clone(), name: queue.name.clone(), kind: queue.kind }
    }
}

impl QueueRef {
    /// As the step functions read it.
    pub(super) fn kind_word(&self) -> &'static str {
        match self.kind {
            QueueKind::Classic => "classic",
            QueueKind::Mirrored => "mirrored",
            QueueKind::Quorum => "quorum",
            QueueKind::Stream => "stream",
            QueueKind::Other => "other",
        }
    }

    fn is(&self, known: &QueueFacts) -> bool {
        known.vhost == self.vhost && known.name == self.name
    }
}

impl Call<'_> {
    /// `quorum VHOST NAME`: three words.
    pub(super) fn queue(&mut self, queue: &QueueRef) -> &mut Self {
        self.words([queue.kind_word(), &queue.vhost, &queue.name])
    }
}

/// Adds replicas of these queues to a node, and waits until they have caught up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrowReplicas {
    pub node: NodeName,
    pub names: NameMode,
    pub onto: NodeName,
    pub queues: Vec<QueueRef>,
    pub patience_s: u64,
}

impl Operate for GrowReplicas {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Nothing, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("grow_replicas", &self.node, self.names).seconds(self.patience_s).node(&self.onto);
        for queue in &self.queues {
            call.queue(queue);
        }
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.each_node(|node| {
            for known in
                node.queues.iter_mut().filter(|known| self.queues.iter().any(|queue| queue.is(known)))
            {
                if !known.replicas.contains(&self.onto) {
                    known.replicas.push(self.onto.clone());
                    known.in_sync.push(self.onto.clone());
                }
            }
        });
    }
}

/// `rabbitmqctl sync_queue`, and waits until every mirror is in sync.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SyncQueue {
    pub node: NodeName,
    pub names: NameMode,
    pub queue: QueueRef,
    pub patience_s: u64,
}

impl Operate for SyncQueue {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Nothing, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("sync_queue", &self.node, self.names).seconds(self.patience_s).queue(&self.queue);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.each_node(|node| {
            for known in node.queues.iter_mut().filter(|known| self.queue.is(known)) {
                known.in_sync.clone_from(&known.replicas);
            }
        });
    }
}

/// `rabbitmqctl cancel_sync_queue`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CancelSyncQueue {
    pub node: NodeName,
    pub queue: QueueRef,
}

impl Operate for CancelSyncQueue {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Nothing, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.word("cancel_sync_queue").node(&self.node).queue(&self.queue);
        Ok(())
    }

    fn effect(&self, _: &mut World<'_>) {}
}
