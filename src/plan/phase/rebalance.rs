use std::collections::BTreeMap;

use super::{Draft, roll};
use crate::facts::{HostFacts, NodeFacts, QueueKind};
use crate::model::NodeName;
use crate::operation::{Operation, Rebalance};
use crate::plan::{Change, Pass, Proposal};

/// Spreads the leaders of replicated queues over the running nodes, if one has more than its share.
pub fn plan(draft: &mut Draft<'_>) {
    let Some(host) = draft.desired.host(&draft.anchor) else { return };
    let Some(node) = draft.host(&host.name).and_then(HostFacts::node) else { return };
    let rolled = draft
        .steps
        .iter()
        .any(|step| matches!(step.operation, Operation::RestartBroker(_) | Operation::UpgradeBroker(_)));
    let leaders = leaders(node);
    let total: usize = leaders.values().sum();
    let reason = if rolled && total > 0 {
        "the restarts move leaders to the nodes that run".to_owned()
    } else if let Some((busiest, count)) = above_share(node, &leaders) {
        format!("{busiest} leads {count} of {total} replicated queues")
    } else {
        if draft.playbook == "rebalance" && draft.options.pass == Pass::Before {
            let text = match total {
                0 => "no replicated queue has a leader that could move".to_owned(),
                _ => format!("the leaders of {total} replicated queues are spread evenly"),
            };
            draft.note(&host.name, text);
        }
        return;
    };
    // The replicas may not allow RabbitMQ to spread the leaders further: its result is accepted.
    if draft.options.pass != Pass::Before {
        return;
    }
    let after = roll::turn(draft);
    draft.propose(
        Proposal::new(&host.name, "rebalance", Change::Command, Rebalance { node: host.node() })
            .title("spread queue leaders over the nodes")
            .because(reason)
            .after(after)
            .within(700),
    );
}

/// How many replicated queues each node leads, including running nodes that lead none.
fn leaders(node: &NodeFacts) -> BTreeMap<&NodeName, usize> {
    let mut leaders: BTreeMap<&NodeName, usize> = node.running.iter().map(|member| (member, 0)).collect();
    for queue in node.queues.iter().filter(|queue| is_replicated(queue.kind)) {
        if let Some(count) = queue.leader.as_ref().and_then(|leader| leaders.get_mut(leader)) {
            *count += 1;
        }
    }
    leaders
}

fn is_replicated(kind: QueueKind) -> bool {
    matches!(kind, QueueKind::Quorum | QueueKind::Stream | QueueKind::Mirrored)
}

/// RabbitMQ moves leaders away from nodes with more than their share, rounded up.
fn above_share<'n>(
    node: &'n NodeFacts,
    leaders: &BTreeMap<&'n NodeName, usize>,
) -> Option<(&'n NodeName, usize)> {
    let total: usize = leaders.values().sum();
    let share = total.div_ceil(leaders.len().max(1));
    // A queue without a replica elsewhere cannot move its leader.
    let movable = |leader: &NodeName| {
        node.queues.iter().any(|queue| {
            is_replicated(queue.kind) && queue.leader.as_ref() == Some(leader) && queue.in_sync.len() > 1
        })
    };
    let (leader, count) = leaders.iter().max_by_key(|(_, count)| **count)?;
    (*count > share && movable(leader)).then_some((*leader, *count))
}
