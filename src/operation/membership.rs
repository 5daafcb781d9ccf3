use serde::{Deserialize, Serialize};

use super::world::stopped_unit;
use super::{Call, Loss, Nature, OnBroker, Operate, Shell, World, Writes, broker, queues};
use crate::facts::{BrokerState, HostFacts};
use crate::model::{NameMode, NodeName, SecretName};
use crate::rabbitmq::{BROKER_UNIT, internals};

pub(super) const SHELL: Shell = Shell {
    asks: &[
        internals::REOPEN,
        internals::RUNS,
        internals::QUEUES_ON,
        internals::RELEASE_STREAMS,
        internals::MNESIA_NOTES,
    ],
    on: &[&queues::SHELL, &broker::ENVIRONMENT],
    ..Shell::of("membership", include_str!("membership.sh"))
};

/// Removes the replicas of a running member from every queue, while it can still vote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReleaseQueues {
    pub node: NodeName,
    pub names: NameMode,
    pub gone: NodeName,
}

impl Operate for ReleaseQueues {
    fn nature(&self) -> Nature {
        Nature {
            shell: &[&SHELL],
            writes: Writes::Nothing,
            broker: OnBroker::Untouched,
            losses: Loss::Member(self.gone.clone()).whole(),
        }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("release_node", &self.node, self.names).node(&self.gone);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.releases(&self.gone);
    }
}

/// `forget_cluster_node --offline` on a stopped node, which then starts without waiting for the lost one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForgetOffline {
    pub node: NodeName,
    pub gone: NodeName,
}

impl Operate for ForgetOffline {
    fn nature(&self) -> Nature {
        Nature {
            shell: &[&SHELL],
            writes: Writes::Anew,
            broker: OnBroker::Untouched,
            losses: Loss::Member(self.gone.clone()).whole(),
        }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.word("forget_offline").node(&self.node).node(&self.gone);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| {
            for data in host.data.iter_mut().filter(|data| data.node == self.node.to_string()) {
                data.members.retain(|member| member.node != self.gone);
                data.outlived_by.clear();
            }
        });
    }
}

/// Tells a stopped node which member to ask at its next start: its cluster's membership changed while it was down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FollowPeer {
    pub node: NodeName,
    pub names: NameMode,
    pub peer: NodeName,
}

impl Operate for FollowPeer {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Anew, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.on_node("follow_peer", &self.node, self.names).node(&self.peer);
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        // The stopped node remembers the members that its new peer knows.
        let peer = world.facts.host(self.peer.host()).and_then(HostFacts::node);
        let members = peer.map(|peer| peer.members.clone()).unwrap_or_default();
        world.on_host(|host| {
            if let Some(data) = host.data.iter_mut().find(|data| data.node == self.node.to_string()) {
                data.members = members;
            }
            host.units.insert(BROKER_UNIT.to_owned(), stopped_unit());
            host.broker = BrokerState::Down;
        });
    }
}
