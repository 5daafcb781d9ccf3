use super::Draft;
use crate::facts::{MetadataStore, NodeFacts};
use crate::inventory::Host;
use crate::model::NodeType;
use crate::operation::ChangeNodeType;
use crate::plan::{Change, Proposal, RefusalKind, StepId};
use crate::playbook::Phase;
use crate::rabbitmq::has_ram_nodes;

/// Changes members between disc and RAM as the inventory says, if the version has node types. Never the last
/// disc node: RabbitMQ refuses that, and a cluster without one could not restart.
pub fn plan(draft: &mut Draft<'_>) {
    let mut before: Vec<StepId> = Vec::new();
    // New disc nodes come first: then another one is no longer the last.
    let mut brokers = draft.brokers();
    brokers.sort_by_key(|host| host.node_type == Some(NodeType::Ram));
    for host in brokers {
        let Some(wanted) = host.node_type.filter(|_| draft.knows_database(host)) else { continue };
        let Some(node) = draft.host(&host.name).and_then(|facts| facts.node()).cloned() else { continue };
        let Some(current) = node.members.iter().find(|m| m.node == node.name).map(|m| m.node_type) else {
            continue;
        };
        if current == wanted {
            continue;
        }
        if wanted == NodeType::Ram && !has_types(&node) {
            draft.note(
                &host.name,
                format!(
                    "node_type = \"ram\" has no effect: RabbitMQ {} with {} has disc nodes only",
                    node.rabbitmq_version,
                    store(&node)
                ),
            );
            continue;
        }
        let discs = node.members.iter().filter(|m| m.node_type == NodeType::Disc).count();
        if wanted == NodeType::Ram && discs <= 1 {
            draft.refuse(
                &host.name,
                RefusalKind::LastDiscToRam,
                format!("{} is the last disc node and cannot become a RAM node", node.name),
                "a cluster without a disc node cannot restart",
                "make another node a disc node first",
            );
            continue;
        }
        propose(draft, host, wanted, current, &mut before);
    }
}

fn propose(
    draft: &mut Draft<'_>,
    host: &Host,
    wanted: NodeType,
    current: NodeType,
    before: &mut Vec<StepId>,
) {
    let operation =
        ChangeNodeType { node: host.node(), names: draft.desired.cluster.names, node_type: wanted };
    let mut waits_for = before.clone();
    waits_for.extend(draft.last_on_brokers(&[Phase::Start, Phase::Restart, Phase::Join]));
    draft.propose(
        Proposal::new(&host.name, "node-type", Change::Change, operation)
            .title(format!("make {} a {} node (RabbitMQ on it stops for that)", host.node(), wanted.as_str()))
            .because(format!("it is a {} node", current.as_str()))
            .after(waits_for)
            .within(600),
    );
    *before = draft.last_of(&[&host.name], &[Phase::NodeTypes]);
}

/// Whether the cluster of this node can have RAM nodes.
pub(super) fn has_types(node: &NodeFacts) -> bool {
    has_ram_nodes(node.rabbitmq_version) && node.metadata_store == MetadataStore::Mnesia
}

fn store(node: &NodeFacts) -> &'static str {
    match node.metadata_store {
        MetadataStore::Mnesia => "Mnesia",
        MetadataStore::Khepri => "Khepri",
    }
}
