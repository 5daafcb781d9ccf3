use serde::{Deserialize, Serialize};

use super::{Call, Nature, OnBroker, Operate, Shell, World, Writes, broker, cluster, membership, queues};
use crate::facts::QueueFacts;
use crate::model::{NameMode, NodeName, SecretName};
use crate::rabbitmq::internals;

const GO_BACK: Shell = Shell { on: &[&broker::SHELL], ..Shell::of("go_back", include_str!("go_back.sh")) };

pub(super) const SHELL: Shell = Shell {
    asks: &[internals::LEADS, internals::DRAINED, internals::DRAIN_NOTED, internals::ABSENT],
    on: &[&cluster::SHELL, &queues::SHELL, &membership::SHELL, &GO_BACK],
    ..Shell::of("roll", include_str!("roll.sh"))
};

/// What is checked before a running node is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCheck {
    /// Nothing: the node is alone or refuses its cookie, so no other depends on it or none can answer.
    None,
    /// Not checked, but drained: the operator accepted that what needs the node is unavailable meanwhile (`gap=yes`).
    Drain,
    /// `rabbitmq-diagnostics check_if_node_is_quorum_critical`, and every other member runs.
    QuorumCritical,
}

impl StopCheck {
    /// As the step functions read it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Drain => "drain",
            Self::QuorumCritical => "quorum-critical",
        }
    }
}

impl Call<'_> {
    pub(super) fn stop_check(&mut self, stop_check: StopCheck) -> &mut Self {
        self.word(stop_check.as_str())
    }
}

/// Restarts the broker and waits until it serves again. `stop_check`: the check before the stop; then it
/// is also drained, and waited for until its replicas have caught up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestartBroker {
    pub node: NodeName,
    pub names: NameMode,
    #[serde(rename = "gate")]
    pub stop_check: StopCheck,
    pub patience_s: u64,
}

impl Operate for RestartBroker {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Restarts, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("restart_broker", &self.node, self.names)
            .seconds(self.patience_s)
            .stop_check(self.stop_check);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        broker::restarts(world);
    }
}

/// `rabbitmq-upgrade revive`: out of maintenance mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReviveNode {
    pub node: NodeName,
    pub names: NameMode,
}

impl Operate for ReviveNode {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Nothing, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("revive_node", &self.node, self.names);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_node(|node| node.maintenance = false);
    }
}

/// `rabbitmq-queues rebalance all`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rebalance {
    pub node: NodeName,
}

impl Operate for Rebalance {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Nothing, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.word("rebalance").node(&self.node);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        // Each queue is led by the replica whose node leads the fewest so far.
        world.each_node(|node| {
            let mut led: std::collections::BTreeMap<NodeName, usize> = std::collections::BTreeMap::new();
            let running = node.running.clone();
            // Queues with the fewest choices come first.
            let mut queues: Vec<&mut QueueFacts> = node.queues.iter_mut().collect();
            queues.sort_by_key(|queue| queue.in_sync.len());
            for queue in queues {
                let candidates = queue.in_sync.iter().filter(|replica| running.contains(replica));
                if let Some(least) = candidates.min_by_key(|replica| led.get(*replica).copied().unwrap_or(0))
                {
                    *led.entry(least.clone()).or_default() += 1;
                    queue.leader = Some(least.clone());
                }
            }
        });
    }
}
