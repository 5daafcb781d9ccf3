//! Queues that only one node has, and whether they may be deleted. Checked before a node is forgotten, since
//! `forget_cluster_node` deletes the queues that only this node has, with their bindings.

use std::cmp::Reverse;

use super::Draft;
use crate::cluster::own_data;
use crate::cluster::phrases::{counted, listed};
use crate::facts::{NodeFacts, QueueFacts, QueueKind};
use crate::inventory::Host;
use crate::model::{Advice, HostName, Next, NodeName, quote};
use crate::operation::MayGo;
use crate::plan::RefusalKind;

/// The maximum number of queues shown by name.
const TOLD: usize = 5;

/// The state of the node whose queues may be deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// It runs: its queues are closed and counted before it stops, and its data is kept on its host.
    Runs,
    /// It is stopped: its data exists, and is kept on its host.
    Stopped,
    /// Its data is lost, or its location is unknown.
    Lost,
}

/// The queues that only `gone` has, as seen by `view`: the node itself if it runs, else a running member.
pub(super) fn of<'v>(view: &'v NodeFacts, gone: &NodeName) -> Vec<&'v QueueFacts> {
    let mut only: Vec<&QueueFacts> = view.queues.iter().filter(|queue| is_only(queue, gone, view)).collect();
    // A queue of unknown size may be of any size.
    only.sort_by_key(|queue| Reverse(queue.messages.unwrap_or(u64::MAX)));
    only
}

/// Whether no other running node has the queue's messages.
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

/// What may be deleted with the node: nothing if it has no only copy; what the plan shows if the operator named its host. None
/// if refused: even an empty queue is deleted with its bindings, and what is published to them afterwards is
/// dropped silently.
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
            RefusalKind::QueuesNotCounted,
            format!("there are more queues than could be inspected, and {gone} may have the only copy of some"),
            "forgetting a node deletes the queues that only it has; a probe reads at most ten thousand, for at most two seconds",
            Next::say("this shows which node has them:")
                .and(draft.on_host(about, "rabbitmqctl list_queues name pid type"))
                .and_all(consent(draft, named, "to delete an unknown number of them")),
        );
    }
    let has = if holder == Holder::Lost { "had" } else { "has" };
    let first = match holder {
        Holder::Runs => "consume or move the messages, then delete the queues or declare them elsewhere",
        Holder::Stopped => "start it and move the messages first",
        Holder::Lost => "look for its data first (an unmounted disk: findmnt, /etc/fstab; a moved directory)",
    };
    let kept = match holder {
        Holder::Runs | Holder::Stopped => " (a copy of its data stays on its host)",
        Holder::Lost => "",
    };
    draft.refuse(
        about,
        RefusalKind::OnlyCopies,
        format!("{gone} {has} the only copy of {}", counted(only.len(), "queue")),
        format!("deleted with it, including bindings: {}", names(only)),
        Next::say(first).and_all(consent(draft, named, &format!("to delete them{kept}"))),
    );
}

/// How the operator agrees that queues go.
fn consent(draft: &Draft<'_>, named: Option<&HostName>, to_delete: &str) -> Next {
    match named {
        Some(host) => Next::say(format!("{to_delete}:")).and(draft.naming(host)),
        None => {
            Next::say(format!("{to_delete}, add its host to the inventory, where --destroy-data can name it"))
        }
    }
}

/// A quorum queue or stream with one replica. It cannot be closed as a classic queue can, and need not be deleted: it
/// can get a replica elsewhere.
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
    let on = if draft.desired.host(onto.host()).is_some() { onto.host() } else { &draft.anchor };
    let commands: Vec<_> = queues.iter().take(TOLD).map(|queue| draft.on_host(on, &command(queue))).collect();
    let again = Advice::Command(draft.options.command.clone());
    draft.refuse(
        about,
        RefusalKind::OnlyReplicas,
        format!("{gone} has the only replica of {}", counted(queues.len(), "replicated queue")),
        format!("publishing cannot be blocked before the node stops: {}", names(queues)),
        Next::say(format!("delete what is not needed, or add another replica on {onto}:"))
            .and_all(commands)
            .and(again),
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
        (_, false) => "deletes an unknown number of queues that".to_owned(),
        (1, true) => "deletes 1 queue that".to_owned(),
        (many, true) => format!("deletes {many} queues that"),
    };
    let has = if holder == Holder::Lost { "had" } else { "has" };
    let then = match holder {
        Holder::Runs => {
            "publishing to these is blocked first; their messages are counted then and kept on the host"
        }
        Holder::Stopped => "their messages cannot be counted while it is stopped; they are kept on the host",
        Holder::Lost => "their messages are not on the host",
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
