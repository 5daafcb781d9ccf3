use serde::{Deserialize, Serialize};

use super::{Call, Nature, OnBroker, Operate, Shell, World, Writes, broker, file, join, packages};
use crate::facts::ClusterMember;
use crate::model::{NameMode, NodeName, NodeType, SecretName};

const SHELL: Shell = Shell {
    on: &[&file::PLACE, &packages::SHELL, &broker::SHELL, &join::SHELL],
    ..Shell::of("enter", include_str!("enter.sh"))
};

/// Enables and starts a blank broker, which becomes a member of the cluster of `join_target` at this first start, and
/// waits until it serves and both list each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnterCluster {
    pub node: NodeName,
    pub names: NameMode,
    #[serde(rename = "seed")]
    pub join_target: NodeName,
    pub patience_s: u64,
}

impl Operate for EnterCluster {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Starts, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("enter_cluster", &self.node, self.names)
            .seconds(self.patience_s)
            .node(&self.join_target);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        broker::starts(world, &self.node);
        let member = ClusterMember { node: self.node.clone(), node_type: NodeType::Disc };
        world.enters(&member, &self.join_target);
    }
}
