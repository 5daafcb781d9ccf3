//! What no other node has a copy of, and whether it may go. Asked before anything makes a cluster forget a node, since
//! `forget_cluster_node` deletes the queues that only that node has, with their bindings.

use std::cmp::Reverse;

use super::{Draft, own_data};
use crate::cluster::phrases::{counted, listed};
use crate::facts::{NodeFacts, QueueFacts, QueueKind};
use crate::inventory::Host;
use crate::model::{HostName, NodeName, quote};
use crate::operation::MayGo;

/// So many queues are told by name.
const TOLD: usize = 5;

/// Whether the node whose queues may go still runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// It is closed and counted before it stops, and what it holds is kept on its host.
    Runs,
    /// Its data is there, and kept on its host.
    Stopped,
    /// Its data is gone, or nobody knows where it is.
    Lost,
}

/// The queues that only `gone` has, as `view` knows them: the node itself where it runs, else a member that does.
pub(super) fn of<'v>(view: &'v NodeFacts, gone: &NodeName) -> Vec<&'v QueueFacts> {
    let mut only: Vec<&QueueFacts> = view.queues.iter().filter(|queue| is_only(queue, gone, view)).collect();
    // One that does not tell may hold anything.
    only.sort_by_key(|queue| Reverse(queue.messages.unwrap_or(u64::MAX)));
    only
}

/// Whether no other node that runs has the queue's messages.
fn is_only(queue: &QueueFacts, gone: &NodeName, view: &NodeFacts) -> bool {
    if queue.exclusive || !queue.replicas.contains(gone) {
        return false;
    }
    match queue.kind {
        QueueKind::Mirrored => !queue.in_sync.iter().any(|node| node != gone && view.running.contains(node)),
        QueueKind::Classic | QueueKind::Quorum | QueueKind::Stream | QueueKind::Other => {
            !queue.replicas.iter().any(|node| node != gone)
        }
    }
}

/// What may go with the node: nothing where it has no only copy, what the plan shows where the operator named its host. None
/// where it was refused: a queue goes with its bindings even when it is empty, and what is published to them afterwards is
/// dropped without a word.
pub(super) fn may_go(
    draft: &mut Draft<'_>,
    gone: &NodeName,
    host: Option<&Host>,
    view: &NodeFacts,
    holder: Holder,
) -> Option<MayGo> {
    let about = host.map_or_else(|| draft.anchor.clone(), |host| host.name.clone());
    let only = of(view, gone);
    if only.is_empty() && view.queues_complete {
        return Some(MayGo::NOTHING);
    }
    let Some(host) = host.filter(|host| draft.options.destroy_data.contains(&host.name)) else {
        refuse(draft, &about, gone, host.map(|host| &host.name), (view, &only), holder);
        return None;
    };
    let replicated: Vec<&QueueFacts> =
        only.iter().copied().filter(|queue| queue.kind.is_replicated()).collect();
    if holder == Holder::Runs && !replicated.is_empty() {
        refuse_replicated(draft, &about, gone, view, &replicated);
        return None;
    }
    note(draft, host, gone, (view, &only), holder);
    let number = |count: usize| view.queues_complete.then(|| u64::try_from(count).unwrap_or(u64::MAX));
    let silent = only.iter().filter(|queue| queue.messages.is_none()).count();
    Some(MayGo { queues: number(only.len()), uncounted: number(silent) })
}

fn refuse(
    draft: &mut Draft<'_>,
    about: &HostName,
    gone: &NodeName,
    named: Option<&HostName>,
    (view, only): (&NodeFacts, &[&QueueFacts]),
    holder: Holder,
) {
    if !view.queues_complete {
        return draft.refuse(
            about,
            format!("there are more queues than could be inspected, and {gone} may have the only copy of some"),
            "forgetting a node deletes the queues that only it has; ten thousand are looked at, or what a node tells in two seconds",
            match named {
                Some(host) => format!(
                    "rabbitmqctl list_queues name pid type shows who holds what; to let an unknown number of them go: \
                     --destroy-data {host}"
                ),
                None => "rabbitmqctl list_queues name pid type shows who holds what; to let them go, put its host into the \
                         inventory, where --destroy-data can name it"
                    .to_owned(),
            },
        );
    }
    let has = if holder == Holder::Lost { "had" } else { "has" };
    let first = match holder {
        Holder::Runs => "consume or move the messages, then delete the queues or declare them elsewhere",
        Holder::Stopped => "start it (rabbitup run start) and move the messages first",
        Holder::Lost => "look for its data first: is a disk not mounted (findmnt, /etc/fstab), was it moved?",
    };
    let kept = match holder {
        Holder::Runs | Holder::Stopped => " (a copy of its data stays on its host)",
        Holder::Lost => "",
    };
    draft.refuse(
        about,
        format!("{gone} {has} the only copy of {}", counted(only.len(), "queue")),
        format!("with it would go, bindings included: {}", names(only)),
        match named {
            Some(host) => format!("{first}; to let them go, name the node: --destroy-data {host}{kept}"),
            None => format!("{first}; or put its host into the inventory, where --destroy-data can name it"),
        },
    );
}

/// A quorum queue or a stream with one replica. Its process cannot be closed as a classic queue's can, and need not go: it
/// can have a replica elsewhere.
fn refuse_replicated(
    draft: &mut Draft<'_>,
    about: &HostName,
    gone: &NodeName,
    view: &NodeFacts,
    queues: &[&QueueFacts],
) {
    let onto = view.running.iter().find(|node| *node != gone).unwrap_or(gone);
    let command = |queue: &&QueueFacts| {
        let (vhost, name) = (quote(&queue.vhost), quote(&queue.name));
        match queue.kind {
            QueueKind::Stream => format!("rabbitmq-streams add_replica --vhost {vhost} {name} {onto}"),
            _ => format!("rabbitmq-queues add_member --vhost {vhost} {name} {onto}"),
        }
    };
    let commands: Vec<String> = queues.iter().take(TOLD).map(command).collect();
    draft.refuse(
        about,
        format!("{gone} has the only replica of {}", counted(queues.len(), "replicated queue")),
        format!("publishing to it cannot be closed before the node stops: {}", names(queues)),
        format!("give it another replica, on {onto}: sudo {}; or delete it", commands.join("; sudo ")),
    );
}

fn note(
    draft: &mut Draft<'_>,
    host: &Host,
    gone: &NodeName,
    (view, only): (&NodeFacts, &[&QueueFacts]),
    holder: Holder,
) {
    let goes = match (only.len(), view.queues_complete) {
        (_, false) => "an unknown number of queues goes that".to_owned(),
        (1, true) => "1 queue goes that".to_owned(),
        (many, true) => format!("{many} queues go that"),
    };
    let has = if holder == Holder::Lost { "had" } else { "has" };
    let then = match holder {
        Holder::Runs => {
            "publishing to what goes is closed first; what it holds then is counted and kept on the host"
        }
        Holder::Stopped => "what it holds cannot be counted while it does not run; it is kept on the host",
        Holder::Lost => "what it held is not on the host",
    };
    let those = if only.is_empty() { String::new() } else { format!(": {}", names(only)) };
    draft.note_loss(&host.name, format!("--destroy-data: {goes} only {gone} {has}{those}; {then}"));
}

/// `orders (14 messages, 2 bindings) and mail (messages unknown, not durable)`, the first five.
fn names(queues: &[&QueueFacts]) -> String {
    let name = |queue: &&QueueFacts| {
        let mut words = own_data::messages_words(queue.messages);
        if let Some(bindings) = queue.bindings {
            let count = usize::try_from(bindings).unwrap_or(usize::MAX);
            words.push_str(&format!(", {}", counted(count, "binding")));
        }
        if !queue.durable {
            words.push_str(", not durable");
        }
        own_data::queue_words(&queue.vhost, &queue.name, &words)
    };
    let mut shown: Vec<String> = queues.iter().take(TOLD).map(name).collect();
    if queues.len() > TOLD {
        shown.push(format!("{} more", queues.len() - TOLD));
    }
    listed(&shown)
}
