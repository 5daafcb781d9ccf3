use serde::{Deserialize, Serialize};

use super::call::or_any;
use super::{Amount, Call, Loss, Nature, OnBroker, Operate, Shell, World, Writes, roll};
use crate::facts::{ClusterMember, HoldingCounts};
use crate::model::{NameMode, NodeName, NodeType, SecretName};
use crate::rabbitmq::internals;

pub(super) const SHELL: Shell =
    Shell { asks: &[internals::OWN_DATA], on: &[&roll::SHELL], ..Shell::of("join", include_str!("join.sh")) };

/// How `join_cluster` is called, by version (rabbitmq-facts, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinCommand {
    /// Up to 3.12: `stop_app`, `join_cluster`, `start_app`.
    StopJoinStart,
    /// From 3.13: `join_cluster` on the running node, which stops and starts itself.
    JoinRunning,
}

impl JoinCommand {
    fn as_str(self) -> &'static str {
        match self {
            Self::StopJoinStart => "stop-join-start",
            Self::JoinRunning => "join-running",
        }
    }
}

/// Joins an empty node that runs alone to the cluster of `join_target`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JoinCluster {
    pub node: NodeName,
    pub names: NameMode,
    #[serde(rename = "seed")]
    pub join_target: NodeName,
    pub method: JoinCommand,
    pub node_type: NodeType,
    /// The data that the plan showed as deleted; the step refuses a node with more.
    pub may_destroy: HoldingCounts,
    pub patience_s: u64,
}

impl Operate for JoinCluster {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Resumes, losses: self.destroys() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        let may_destroy = self.may_destroy.in_order().map(or_any).join(" ");
        call.on_node("join_cluster", &self.node, self.names)
            .seconds(self.patience_s)
            .node(&self.join_target)
            .words([self.method.as_str(), self.node_type.as_str(), &may_destroy]);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        let member = ClusterMember { node: self.node.clone(), node_type: self.node_type };
        world.enters(&member, &self.join_target);
    }
}

impl JoinCluster {
    fn destroys(&self) -> Vec<(Loss, Amount)> {
        if self.may_destroy == HoldingCounts::NOTHING {
            return Vec::new();
        }
        vec![(Loss::Holdings(self.node.clone()), Amount::AtMost(self.may_destroy.clone()))]
    }
}
