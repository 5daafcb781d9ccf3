//! Nodes that leave, are forgotten, or come back.

use super::Hand::{Does, Instead, NoWay, Nothing};
use super::*;

pub const ROWS: &[Row] = &[
    Row {
        kind: RefusalKind::NotABroker,
        typed: "run recover-node node=node4",
        set_up: stranger,
        hand: Instead,
    },
    Row {
        kind: RefusalKind::NotABroker,
        typed: "run recover-node node=nod3",
        set_up: |_| {},
        hand: NoWay("the sentence has the names"),
    },
    Row {
        kind: RefusalKind::TooManyToPrune,
        typed: "up --prune",
        set_up: |world| {
            stranger(world);
            join_stranger(world, "node5");
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::LastDiscNode,
        typed: "run remove-node node=node3",
        set_up: |world| {
            for text in BROKERS {
                for member in &mut running(&mut world.facts, text).members {
                    member.node_type =
                        if member.node == node("node3") { NodeType::Disc } else { NodeType::Ram };
                }
            }
        },
        hand: Does(|world| {
            world.desired = desired(&INVENTORY.replacen(
                "address = \"192.168.0.42\"",
                "address = \"192.168.0.42\"\nnode_type = \"disc\"",
                1,
            ));
        }),
    },
    Row {
        kind: RefusalKind::RemovalFromIncomplete,
        typed: "run remove-node node=node3",
        set_up: |world| world.stop("node2"),
        hand: Does(|world| world.facts = whole()),
    },
    Row {
        kind: RefusalKind::OneOfTwo,
        typed: "run remove-node node=node3",
        set_up: |world| {
            for text in ["node1", "node3"] {
                let seen = running(&mut world.facts, text);
                seen.metadata_store = MetadataStore::Khepri;
                seen.members.retain(|member| member.node != node("node2"));
                seen.running.retain(|member| *member != node("node2"));
            }
            world.wipe_host("node2");
        },
        hand: Does(|_| {}),
    },
    Row {
        kind: RefusalKind::QueuesNotCounted,
        typed: "run remove-node node=node3",
        set_up: |world| running(&mut world.facts, "node3").queues_complete = false,
        hand: Does(|_| {}),
    },
    Row {
        kind: RefusalKind::OnlyCopies,
        typed: "run remove-node node=node3",
        set_up: |world| give_queue(&mut world.facts, &only(QueueKind::Classic)),
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::OnlyCopies,
        typed: "run recover-node node=node3",
        set_up: |world| {
            give_queue(&mut world.facts, &only(QueueKind::Classic));
            world.wipe("node3");
        },
        hand: Nothing,
    },
    // Its data is what its first start made: there is nothing to move.
    Row {
        kind: RefusalKind::OnlyCopies,
        typed: "run recover-node node=node3",
        set_up: |world| {
            give_queue(&mut world.facts, &only(QueueKind::Classic));
            world.stop("node3");
            world.host("node3").data[0].members.retain(|member| member.node == node("node3"));
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::OnlyReplicas,
        typed: "run remove-node node=node3 --destroy-data node3",
        set_up: |world| give_queue(&mut world.facts, &only(QueueKind::Quorum)),
        hand: Does(|world| {
            for text in BROKERS {
                let queues = running(&mut world.facts, text).queues.iter_mut();
                for queue in queues.filter(|queue| queue.replicas.len() == 1) {
                    queue.replicas.push(node("node1"));
                }
            }
        }),
    },
    Row {
        kind: RefusalKind::OnlyCopiesUnseen,
        typed: "run remove-node node=node3",
        set_up: |world| {
            BROKERS.iter().for_each(|text| world.stop(text));
            lose_host_of_stopped(&mut world.facts, "node3");
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::NobodyForgets,
        typed: "run remove-node node=node3",
        set_up: |world| BROKERS.iter().for_each(|text| world.stop(text)),
        hand: Nothing,
    },
];

fn only(kind: QueueKind) -> QueueFacts {
    queue("theirs", kind, "node3", &["node3"])
}

/// node4 is a member, and not in the inventory.
fn stranger(world: &mut World) {
    join_stranger(world, "node4");
}

fn join_stranger(world: &mut World, text: &str) {
    for broker in BROKERS {
        let seen = running(&mut world.facts, broker);
        seen.members.push(ClusterMember { node: node(text), node_type: NodeType::Disc });
        seen.running.push(node(text));
        seen.links.push(node(text));
    }
}

impl World {
    /// A host without a broker's data, which no node lists.
    fn wipe_host(&mut self, text: &str) {
        let host = self.host(text);
        (host.broker, host.data) = (BrokerState::Down, Vec::new());
        host.units.get_mut("rabbitmq-server").expect("a unit").active = "inactive".to_owned();
    }
}
