use serde::{Deserialize, Serialize};

use super::call::or_any;
use super::shell::Beside;
use super::{Amount, Call, Loss, Nature, OnBroker, Operate, Shell, StopCheck, World, Writes, broker, roll};
use crate::facts::HoldingCounts;
use crate::model::{NameMode, NodeName, SecretName};
use crate::rabbitmq::internals;

const SHELL: Shell = Shell {
    asks: &[internals::ONLY_COPIES, internals::DATABASE],
    beside: Beside::Script { variable: "serve_kept_sh", text: include_str!("serve_kept.sh") },
    on: &[&roll::SHELL, &broker::ENVIRONMENT],
    ..Shell::of("leave", include_str!("leave.sh"))
};

/// How many of the queues that only a leaving node has may be deleted with it: as many as the plan showed, if the operator named
/// the node (`--destroy-data`). None if the plan showed an unknown number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MayGo {
    pub queues: Option<u64>,
    /// How many of them have messages that could not be counted.
    pub uncounted: Option<u64>,
}

impl MayGo {
    /// The node was not named: the step refuses if it has the only copy of any queue, even an empty one.
    pub const NOTHING: Self = Self { queues: Some(0), uncounted: Some(0) };

    /// A member, and how many of the queues that only it has may be deleted with it.
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
    /// `2 0`: queues, and how many of them are not counted.
    pub(super) fn may_go(&mut self, may_go: MayGo) -> &mut Self {
        self.word(&format!("{} {}", or_any(may_go.queues), or_any(may_go.uncounted)))
    }
}

/// Checks that the broker can be stopped safely, drains it, closes and counts the queues that only it has, stops it and
/// disables its unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetireBroker {
    pub node: NodeName,
    pub names: NameMode,
    #[serde(rename = "gate")]
    pub stop_check: StopCheck,
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
            .stop_check(self.stop_check)
            .may_go(self.may_go);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        broker::stops(world, &self.node, broker::AtBoot::StaysDown);
    }
}

/// Stops RabbitMQ in the Erlang VM of a member whose host is not in the inventory, over Erlang distribution. --destroy-data
/// cannot name it, so it is not stopped if it has the only copy of a queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopUnknownMember {
    pub node: NodeName,
    pub names: NameMode,
    #[serde(rename = "stranger")]
    pub unknown_member: NodeName,
    #[serde(rename = "gate")]
    pub stop_check: StopCheck,
    pub patience_s: u64,
}

impl Operate for StopUnknownMember {
    fn nature(&self) -> Nature {
        Nature {
            shell: &[&SHELL],
            writes: Writes::Nothing,
            broker: OnBroker::Leaves,
            losses: Loss::Member(self.unknown_member.clone()).whole(),
        }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("stop_unknown_member", &self.node, self.names)
            .seconds(self.patience_s)
            .stop_check(self.stop_check)
            .node(&self.unknown_member);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.is_gone(&self.unknown_member);
    }
}

/// `forget_cluster_node`; afterwards no queue lists the node.
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

/// Moves a stopped node's data directory aside, so that no node starts from it.
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
