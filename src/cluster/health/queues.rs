use std::collections::BTreeMap;

use super::{Finding, Notebook, Severity};
use crate::cluster::phrases::{counted, whole};
use crate::facts::{NodeFacts, QueueFacts, QueueKind};
use crate::inventory::Host;
use crate::model::{NodeName, shell_word};

/// The maximum number of queues that a finding names.
const NAMED: usize = 5;

/// The state of queues in the metadata: replicas that are missing, removed, down or behind.
pub(super) fn check(nodes: &[(&Host, &NodeFacts)], findings: &mut Vec<Finding>) {
    // The metadata belong to the cluster: all nodes report the same.
    let Some(node) = teller(nodes) else { return };
    let mut notebook = Notebook { host: None, findings };
    without_majority(nodes, node, &mut notebook);
    short(node, &mut notebook);
    ghosts(node, &mut notebook);
    waiting(node, &mut notebook);
    unsynchronised(node, &mut notebook);
    unread(node, &mut notebook);
}

/// The node whose list of queues counts: the first that could list them all, else the first.
pub(crate) fn teller<'a>(nodes: &[(&'a Host, &'a NodeFacts)]) -> Option<&'a NodeFacts> {
    let complete = nodes.iter().find(|(_, node)| node.queues_complete);
    complete.or(nodes.first()).map(|(_, node)| *node)
}

/// Quorum queues and streams with fewer replicas than they should have.
pub(crate) fn under_replicated(node: &NodeFacts) -> Vec<&QueueFacts> {
    node.queues.iter().filter(|queue| queue.lacks(&node.members) > 0).collect()
}

/// Mirrored queues with a mirror that is not in sync with the leader.
pub(crate) fn with_mirrors_behind(node: &NodeFacts) -> Vec<&QueueFacts> {
    node.queues.iter().filter(|queue| queue.unsynchronised().next().is_some()).collect()
}

/// The quorum queues of which no majority of replicas is in service. One that may be counts as such: on a node that does not answer, but
/// runs as others see it.
pub(crate) fn unavailable<'a>(nodes: &[(&Host, &NodeFacts)], node: &'a NodeFacts) -> Vec<&'a QueueFacts> {
    let idle_on = |replica: &NodeName| {
        let (_, holder) = nodes.iter().find(|(_, holder)| &holder.name == replica)?;
        holder.idle_replicas.as_ref()
    };
    let lacks_majority = |queue: &&QueueFacts| {
        let name = (queue.vhost.clone(), queue.name.clone());
        let is_idle = |replica: &NodeName| idle_on(replica).is_some_and(|idle| idle.contains(&name));
        !is_majority(queue, |replica| may_run(node, replica) && !is_idle(replica))
    };
    node.queues.iter().filter(|queue| queue.kind == QueueKind::Quorum).filter(lacks_majority).collect()
}

fn is_majority(queue: &QueueFacts, picked: impl Fn(&NodeName) -> bool) -> bool {
    queue.replicas.iter().filter(|replica| picked(replica)).count() * 2 > queue.replicas.len()
}

/// A peer that hangs is not among the running ones, but still connected.
fn may_run(node: &NodeFacts, replica: &NodeName) -> bool {
    node.running.contains(replica) || node.links.contains(replica)
}

fn without_majority(nodes: &[(&Host, &NodeFacts)], node: &NodeFacts, notebook: &mut Notebook<'_>) {
    for (host, _) in nodes.iter().filter(|(_, holder)| holder.idle_replicas.is_none()) {
        notebook.add(
            Severity::Note,
            format!("{} did not tell which of its replicas of quorum queues are in service", host.node()),
            "`rabbitmq-queues quorum_status QUEUE` on a broker shows one queue's replicas",
        );
    }
    let most_run = |queue: &&QueueFacts| is_majority(queue, |replica| may_run(node, replica));
    let (up, down): (Vec<_>, Vec<_>) = unavailable(nodes, node).into_iter().partition(most_run);
    if !down.is_empty() {
        notebook.add(
            Severity::Error,
            stuck(&down, |their| format!("most nodes of {their} replicas do not run")),
            "`rabbitup up` starts the nodes",
        );
    }
    if let Some(first) = up.first() {
        let vhost = match first.vhost.as_str() {
            "/" => String::new(),
            vhost => format!("--vhost {} ", shell_word(vhost)),
        };
        let queue = shell_word(&first.name);
        notebook.add(
            Severity::Error,
            stuck(&up, |their| {
                format!("most of {their} replicas are not in service, although their nodes run")
            }),
            format!("`rabbitmq-queues quorum_status {vhost}{queue}` on a broker shows its replicas"),
        );
    }
}

/// `1 quorum queue takes and gives no messages, since …: orders`.
fn stuck(queues: &[&QueueFacts], why: impl Fn(&str) -> String) -> String {
    let (take, their) =
        if queues.len() == 1 { ("takes and gives", "its") } else { ("take and give", "their") };
    format!("{} {take} no messages, since {}: {}", replicated(queues), why(their), names(queues))
}

fn short(node: &NodeFacts, notebook: &mut Notebook<'_>) {
    let queues = under_replicated(node);
    if queues.is_empty() {
        return;
    }
    let (have, their) = if queues.len() == 1 { ("has", "it lacks") } else { ("have", "they lack") };
    notebook.add(
        Severity::Warning,
        format!("{} {have} too few replicas: {}", replicated(&queues), names(&queues)),
        format!(
            "`rabbitup run grow-queues` adds those that {their}; by hand: `rabbitmq-queues grow NODE all`"
        ),
    );
}

/// Replicas on removed nodes: they count for the majority but never vote.
fn ghosts(node: &NodeFacts, notebook: &mut Notebook<'_>) {
    let is_member = |name: &NodeName| node.members.iter().any(|member| &member.node == name);
    for (gone, queues) in by_replica(node, |name| !is_member(name)) {
        let list = if queues.len() == 1 { "lists" } else { "list" };
        let by_hand = match queues.iter().find(|queue| queue.kind == QueueKind::Stream) {
            Some(stream) => format!("`rabbitmq-streams delete_replica {} {gone}`", shell_word(&stream.name)),
            None => format!("`rabbitmq-queues shrink {gone}`"),
        };
        notebook.add(
            Severity::Warning,
            format!(
                "{} {list} a replica on {gone}, which is not a member of the cluster: {}",
                replicated(&queues),
                names(&queues)
            ),
            format!("{by_hand} on a broker removes it; then `rabbitup run grow-queues`"),
        );
    }
}

/// Replicas on stopped members.
fn waiting(node: &NodeFacts, notebook: &mut Notebook<'_>) {
    let is_down = |name: &NodeName| {
        node.members.iter().any(|member| &member.node == name) && !node.running.contains(name)
    };
    for (down, queues) in by_replica(node, is_down) {
        let have = if queues.len() == 1 { "has" } else { "have" };
        notebook.add(
            Severity::Warning,
            format!(
                "{} {have} a replica on {down}, which does not run: {}",
                replicated(&queues),
                names(&queues)
            ),
            "`rabbitup up` starts it; if it does not come back: `rabbitup run recover-node` or `replace-node`",
        );
    }
}

fn unsynchronised(node: &NodeFacts, notebook: &mut Notebook<'_>) {
    let queues = with_mirrors_behind(node);
    let Some(first) = queues.first() else { return };
    let (have, each) = match queues.len() {
        1 => ("has", ""),
        _ => ("have", "; the same for each of the others"),
    };
    let vhost =
        if first.vhost == "/" { String::new() } else { format!(" vhost={}", shell_word(&first.vhost)) };
    notebook.add(
        Severity::Warning,
        format!("{} {have} mirrors that are not in sync: {}", counted(queues.len(), "queue"), names(&queues)),
        format!("`rabbitup run sync-queue queue={}{vhost}`{each}", shell_word(&first.name)),
    );
}

fn unread(node: &NodeFacts, notebook: &mut Notebook<'_>) {
    if !node.queues_complete {
        notebook.add(
            Severity::Note,
            format!("not all queues were inspected, only the first {}", node.queues.len()),
            "there are more, or the node did not answer in time: `rabbitmqctl list_queues name type members` on a broker",
        );
    }
}

/// The replicated queues, grouped by their nodes that are selected.
fn by_replica(node: &NodeFacts, picked: impl Fn(&NodeName) -> bool) -> BTreeMap<&NodeName, Vec<&QueueFacts>> {
    let mut by_node = BTreeMap::<_, Vec<_>>::new();
    for queue in node.queues.iter().filter(|queue| queue.kind.is_replicated()) {
        for replica in queue.replicas.iter().filter(|replica| picked(replica)) {
            by_node.entry(replica).or_default().push(queue);
        }
    }
    by_node
}

/// `1 quorum queue`, `3 quorum queues and streams`.
fn replicated(queues: &[&QueueFacts]) -> String {
    let all = |kind: QueueKind| queues.iter().all(|queue| queue.kind == kind);
    if all(QueueKind::Quorum) {
        counted(queues.len(), "quorum queue")
    } else if all(QueueKind::Stream) {
        counted(queues.len(), "stream")
    } else {
        format!("{} quorum queues and streams", queues.len())
    }
}

/// The first names, and the number of the others.
fn names(queues: &[&QueueFacts]) -> String {
    let shown: Vec<String> = queues.iter().take(NAMED).map(ToString::to_string).collect();
    let mut text = whole(&shown);
    if queues.len() > NAMED {
        text.push_str(&format!(" and {} more", queues.len() - NAMED));
    }
    text
}
