use serde::{Deserialize, Serialize};

use super::call::or_any;
use super::shell::Beside;
use super::{Amount, Call, Gate, Loss, Nature, OnBroker, Operate, Shell, World, Writes, broker, roll};
use crate::facts::HoldingCounts;
use crate::model::{NameMode, NodeName, SecretName};
use crate::rabbitmq::internals;

const SHELL: Shell = Shell {
    asks: &[internals::ONLY_COPIES, internals::DATABASE],
    beside: Beside::Script { variable: "serve_kept_sh", text: include_str!("serve_kept.sh") },
    on: &[&roll::SHELL],
    ..Shell::of("leave", include_str!("leave.sh"))
};

/// How many of the queues that only a leaving node has may go with it: as many as the plan showed, where the operator named
/// the node (`--destroy-data`). None where the plan showed that it could not be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MayGo {
    pub queues: Option<u64>,
    /// Those of them whose messages could not be counted.
    pub uncounted: Option<u64>,
}

impl MayGo {
    /// Nothing was named: the step refuses a node that has the only copy of any queue, an empty one too.
    pub const NOTHING: Self = Self { queues: Some(0), uncounted: Some(0) };

    /// A member, and as many of the queues that only it has as may go with it.
    fn with(self, node: &NodeName) -> Vec<(Loss, Amount)> {
        let mut losses = Loss::Member(node.clone()).whole();
        if self != Self::NOTHING {
            let counts = HoldingCounts { queues: self.queues, ..HoldingCounts::NOTHING };
            losses.push((Loss::OnlyCopies(node.clone()), Amount::AtMost(counts)));
        }
        losses
    }
}

impl Call<'_> {
    /// `2 0`: queues, and those of them that are not counted.
    pub(super) fn may_go(&mut self, may_go: MayGo) -> &mut Self {
        self.word(&format!("{} {}", or_any(may_go.queues), or_any(may_go.uncounted)))
    }
}

/// Asks whether the cluster can spare the broker, drains it, closes and counts the queues that only it has, stops it and
/// keeps its unit from starting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetireBroker {
    pub node: NodeName,
    pub names: NameMode,
    pub gate: Gate,
    pub may_go: MayGo,
    pub patience_s: u64,
}

impl Operate for RetireBroker {
    fn nature(&self) -> Nature {
        Nature {
            shell: &[&SHELL],
            writes: Writes::Changes,
            broker: OnBroker::Leaves,
            losses: self.may_go.with(&self.node),
        }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("retire_broker", &self.node, self.names)
            .seconds(self.patience_s)
            .gate(self.gate)
            .may_go(self.may_go);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        broker::stops(world, &self.node, broker::AtBoot::StaysDown);
    }
}

/// Stops RabbitMQ in the Erlang VM of a member whose host is not the inventory's, over Erlang distribution. Nobody can
/// name it, so one that has the only copy of a queue is not stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopStranger {
    pub node: NodeName,
    pub names: NameMode,
    pub stranger: NodeName,
    pub gate: Gate,
    pub patience_s: u64,
}

impl Operate for StopStranger {
    fn nature(&self) -> Nature {
        Nature {
            shell: &[&SHELL],
            writes: Writes::Nothing,
            broker: OnBroker::Leaves,
            losses: Loss::Member(self.stranger.clone()).whole(),
        }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("stop_stranger", &self.node, self.names)
            .seconds(self.patience_s)
            .gate(self.gate)
            .node(&self.stranger);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.is_gone(&self.stranger);
    }
}

/// `forget_cluster_node`, and no queue that still lists the node afterwards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForgetNode {
    pub node: NodeName,
    pub names: NameMode,
    pub gone: NodeName,
    pub may_go: MayGo,
}

impl Operate for ForgetNode {
    fn nature(&self) -> Nature {
        Nature {
            shell: &[&SHELL],
            writes: Writes::Nothing,
            broker: OnBroker::Untouched,
            losses: self.may_go.with(&self.gone),
        }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("forget_node", &self.node, self.names).node(&self.gone).may_go(self.may_go);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.is_gone(&self.gone);
        world.each_other(&self.gone, |node| node.members.retain(|member| member.node != self.gone));
        world.releases(&self.gone);
    }
}

/// Moves a stopped node's data directory out of the way, to where nothing starts from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeepData {
    pub node: NodeName,
}

impl Operate for KeepData {
    fn nature(&self) -> Nature {
        Nature {
            shell: &[&SHELL],
            writes: Writes::Changes,
            broker: OnBroker::Untouched,
            losses: Loss::DataDirectory(self.node.clone()).whole(),
        }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.word("keep_data").node(&self.node);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| {
            host.data.retain(|data| data.node != self.node.to_string());
            host.kept.push(self.node.to_string());
        });
    }
}
