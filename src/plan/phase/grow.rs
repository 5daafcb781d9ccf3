use std::collections::{BTreeMap, BTreeSet};

use super::Draft;
use crate::cluster::phrases::counted;
use crate::cluster::view;
use crate::facts::{HostFacts, NodeFacts, QueueFacts};
use crate::inventory::Host;
use crate::model::NodeName;
use crate::operation::{GrowReplicas, QueueRef};
use crate::plan::{Change, Pass, Proposal};
use crate::playbook::{GrowQueues, GrowSettings, Minutes, Phase};

/// Adds replicas of quorum queues and streams to nodes that lack them, and waits until they have caught up: on the node
/// that replaces another, on one that was brought back, or for queues with too few replicas.
pub fn plan(draft: &mut Draft<'_>, settings: &GrowSettings) {
    let Some(host) = draft.desired.host(&draft.anchor) else { return };
    let Some(node) = draft.host(&host.name).and_then(HostFacts::node).cloned() else { return };
    let patience = settings.patience;
    let arguments = draft.options.arguments.clone();
    let wanted = match (settings.queues, &arguments.old, &arguments.new, &arguments.node) {
        (GrowQueues::OfOld, Some(old), Some(new), _) => in_place_of(&node, old, new),
        (GrowQueues::OfNode, _, _, Some(onto)) => given_back(draft, &node, onto),
        (_, _, _, onto) => lacking(&node, onto.as_ref()),
    };
    if wanted.is_empty() && settings.queues == GrowQueues::Lacking && draft.options.pass == Pass::Before {
        draft.note(&host.name, "every quorum queue and stream has its replicas");
    }
    for (onto, queues) in wanted {
        if node.members.iter().any(|member| member.node == onto) {
            propose(draft, host, onto, queues, patience);
        }
    }
}

type Wanted = BTreeMap<NodeName, Vec<QueueRef>>;

/// The queues of the replaced node, for the new one.
fn in_place_of(node: &NodeFacts, old: &NodeName, new: &NodeName) -> Wanted {
    let queues =
        replicated(node).filter(|queue| queue.replicas.contains(old) && !queue.replicas.contains(new));
    let queues: Vec<QueueRef> = queues.map(QueueRef::from).collect();
    if queues.is_empty() { Wanted::new() } else { Wanted::from([(new.clone(), queues)]) }
}

/// The queues that had a replica on the node before it was forgotten, as seen by any node.
fn given_back(draft: &Draft<'_>, node: &NodeFacts, onto: &NodeName) -> Wanted {
    let before: BTreeSet<QueueRef> = view::running(draft.desired, draft.observed)
        .into_iter()
        .flat_map(|(_, seen)| replicated(seen))
        .filter(|queue| queue.replicas.contains(onto))
        .map(QueueRef::from)
        .collect();
    let had =
        |queue: &&QueueFacts| before.contains(&QueueRef::from(*queue)) && !queue.replicas.contains(onto);
    let queues: Vec<QueueRef> = replicated(node).filter(had).map(QueueRef::from).collect();
    // A run that was interrupted after forgetting the node left queues that just lack replicas.
    if queues.is_empty() { lacking(node, Some(onto)) } else { Wanted::from([(onto.clone(), queues)]) }
}

/// The queues with too few replicas, for the running nodes that have the fewest.
fn lacking(node: &NodeFacts, onto: Option<&NodeName>) -> Wanted {
    let mut held: BTreeMap<&NodeName, usize> = node.running.iter().map(|member| (member, 0)).collect();
    for queue in replicated(node) {
        for replica in &queue.replicas {
            if let Some(count) = held.get_mut(replica) {
                *count += 1;
            }
        }
    }
    let mut wanted = Wanted::new();
    for queue in replicated(node) {
        let mut lacks = queue.lacks(&node.members);
        while lacks > 0 {
            lacks -= 1;
            let has = |name: &NodeName, wanted: &Wanted| {
                queue.replicas.contains(name)
                    || wanted.get(name).is_some_and(|list| list.contains(&QueueRef::from(queue)))
            };
            let free =
                held.iter().filter(|(name, _)| !has(name, &wanted) && onto.is_none_or(|onto| onto == **name));
            let Some(target) = free.min_by_key(|(_, count)| **count).map(|(name, _)| (*name).clone()) else {
                break;
            };
            if let Some(count) = held.get_mut(&target) {
                *count += 1;
            }
            wanted.entry(target).or_default().push(QueueRef::from(queue));
        }
    }
    wanted
}

fn replicated(node: &NodeFacts) -> impl Iterator<Item = &QueueFacts> {
    // A command line cannot contain NUL: without it the name would be another queue's.
    let can_be_named = |queue: &&QueueFacts| !queue.name.contains('\0') && !queue.vhost.contains('\0');
    node.queues.iter().filter(|queue| queue.kind.is_replicated()).filter(can_be_named)
}

fn propose(draft: &mut Draft<'_>, host: &Host, onto: NodeName, queues: Vec<QueueRef>, patience: Minutes) {
    let names: Vec<&str> = queues.iter().take(3).map(|queue| queue.name.as_str()).collect();
    let more = if queues.len() > 3 { " …" } else { "" };
    let reason =
        format!("{} without a replica there: {}{more}", counted(queues.len(), "queue"), names.join(", "));
    let what = format!("grow-{}", onto.host());
    let after = draft.last_on_brokers(&[Phase::Start, Phase::Join, Phase::Recover, Phase::Grow]);
    let title = format!("grow queues onto {onto}, and wait until it has caught up");
    let seconds = 300 + queues.len() as u64 + patience.seconds();
    let operation = GrowReplicas {
        node: host.node(),
        names: draft.desired.cluster.names,
        onto,
        queues,
        patience_s: patience.seconds(),
    };
    draft.propose(
        Proposal::new(&host.name, &what, Change::Command, operation)
            .title(title)
            .because(reason)
            .after(after)
            .within(seconds),
    );
}
