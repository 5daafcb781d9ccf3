use serde::{Deserialize, Serialize};

use super::{Call, Nature, OnBroker, Operate, Shell, World, Writes, broker};
use crate::model::{NameMode, NodeName, NodeType, SecretName};
use crate::rabbitmq::internals;

pub(super) const SHELL: Shell = Shell {
    asks: &[internals::DUMP_LOG],
    on: &[&broker::SHELL],
    ..Shell::of("cluster", include_str!("cluster.sh"))
};

/// `change_cluster_node_type` between `stop_app` and `start_app`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeNodeType {
    pub node: NodeName,
    pub names: NameMode,
    pub node_type: NodeType,
}

impl Operate for ChangeNodeType {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("change_node_type", &self.node, self.names).word(self.node_type.as_str());
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.each_node(|other| {
            for member in other.members.iter_mut().filter(|member| member.node == self.node) {
                member.node_type = self.node_type;
            }
        });
    }
}

/// `rabbitmqctl set_cluster_name`, on one node for all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetClusterName {
    pub node: NodeName,
    pub name: String,
}

impl Operate for SetClusterName {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Nothing, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.word("set_cluster_name").node(&self.node).word(&self.name);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.each_node(|node| node.cluster_name.clone_from(&self.name));
    }
}

/// `rabbitmq-plugins set` on a running node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetPlugins {
    pub node: NodeName,
    pub plugins: Vec<String>,
}

impl Operate for SetPlugins {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.word("set_plugins").node(&self.node).words(self.plugins.iter().map(String::as_str));
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_node(|node| node.plugins.clone_from(&self.plugins));
    }
}
