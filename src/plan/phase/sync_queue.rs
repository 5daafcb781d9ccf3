use super::{Draft, bring_back};
use crate::cluster::phrases::listed;
use crate::facts::{HostFacts, NodeFacts, QueueFacts, QueueKind};
use crate::inventory::Host;
use crate::model::{Advice, HostName, Next, NodeName, shell_word};
use crate::operation::{CancelSyncQueue, QueueRef, SyncQueue};
use crate::plan::{Change, Pass, Proposal, RefusalKind};
use crate::playbook::Minutes;
use crate::rabbitmq::has_mirrored_queues;

/// Synchronises the mirrors of one queue. The queue accepts no messages meanwhile.
pub fn plan(draft: &mut Draft<'_>, patience: Minutes) {
    let Some((host, queue)) = find(draft) else { return };
    let behind: Vec<&NodeName> = queue.unsynchronised().collect();
    if behind.is_empty() {
        return note(draft, &host.name, format!("every mirror of {} is in sync", queue));
    }
    let operation = SyncQueue {
        node: host.node(),
        names: draft.desired.cluster.names,
        queue: QueueRef::from(&queue),
        patience_s: patience.seconds(),
    };
    draft.propose(
        Proposal::new(&host.name, "sync-queue", Change::Command, operation)
            .title(format!("synchronise {}", queue))
            .because(format!(
                "its mirrors on {} are out of sync; the queue accepts no messages until they are in sync",
                listed(&behind)
            ))
            .within(120 + patience.seconds()),
    );
}

/// Cancels the synchronisation of one queue.
pub fn cancel(draft: &mut Draft<'_>) {
    let Some((host, queue)) = find(draft) else { return };
    if queue.unsynchronised().next().is_none() {
        return note(
            draft,
            &host.name,
            format!("every mirror of {} is in sync: there is nothing to cancel", queue),
        );
    }
    if draft.options.pass != Pass::Before {
        return;
    }
    let operation = CancelSyncQueue { node: host.node(), queue: QueueRef::from(&queue) };
    draft.propose(
        Proposal::new(&host.name, "cancel-sync-queue", Change::Command, operation)
            .title(format!("cancel the synchronisation of {}", queue))
            .because("requested; mirrors that are out of sync stay so"),
    );
}

/// The mirrored queue, and the node that runs the command.
fn find<'a>(draft: &mut Draft<'a>) -> Option<(&'a Host, QueueFacts)> {
    let host = draft.desired.host(&draft.anchor)?;
    let Some(node) = draft.host(&host.name).and_then(HostFacts::node).cloned() else {
        draft.refuse(
            &host.name,
            RefusalKind::SyncWithoutNode,
            format!("{} does not serve", host.node()),
            "only a running node can be asked about the queue",
            bring_back::next(draft, host),
        );
        return None;
    };
    let vhost = draft.options.arguments.vhost.clone().unwrap_or_else(|| "/".to_owned());
    let name = draft.options.arguments.queue.clone().unwrap_or_default();
    if !has_mirrored_queues(node.rabbitmq_version) {
        refuse_version(draft, host, &node);
        return None;
    }
    let found = node.queues.iter().find(|queue| queue.vhost == vhost && queue.name == name).cloned();
    match found {
        None => refuse_unknown(draft, host, &node, &vhost, &name),
        Some(queue) if queue.kind != QueueKind::Mirrored => refuse_kind(draft, host, &queue),
        Some(queue) => return Some((host, queue)),
    }
    None
}

fn refuse_version(draft: &mut Draft<'_>, host: &Host, node: &NodeFacts) {
    draft.refuse(
        &host.name,
        RefusalKind::SyncUnsupported,
        format!(
            "RabbitMQ {} has no mirrored queues, so there is nothing to synchronise",
            node.rabbitmq_version
        ),
        "mirroring was removed in 4.0; the replicas of quorum queues and streams catch up by themselves",
        grow(),
    );
}

/// What adds replicas to queues that need no synchronisation.
fn grow() -> Next {
    Next::say("this adds replicas that are missing:").rabbitup("run grow-queues")
}

fn refuse_unknown(draft: &mut Draft<'_>, host: &Host, node: &NodeFacts, vhost: &str, name: &str) {
    let elsewhere: Vec<&str> =
        node.queues.iter().filter(|queue| queue.name == name).map(|queue| queue.vhost.as_str()).collect();
    let names: Vec<&str> =
        node.queues.iter().filter(|queue| queue.vhost == vhost).map(|queue| queue.name.as_str()).collect();
    let this = |vhost: &str, queue: &str| {
        let words = format!("run {} {} {}", draft.playbook, set("queue", queue), set("vhost", vhost));
        Advice::Rabbitup(words)
    };
    let next = if let Some(other) = elsewhere.first() {
        Next::say(format!("there is one in the virtual host {other}:")).and(this(other, name))
    } else if let Some(near) = crate::document::nearest(name, names) {
        Next::say("did you mean this one?").and(this(vhost, near))
    } else {
        let list = format!("rabbitmqctl list_queues -p {} name type", shell_word(vhost));
        Next::say("this lists the queues:").and(draft.on_host(&host.name, &list))
    };
    let what = format!("there is no queue {name} in the virtual host {vhost}");
    draft.refuse(
        &host.name,
        RefusalKind::SyncUnknownQueue,
        what,
        format!("{} has none of that name", node.name),
        next,
    );
}

/// `queue=orders`, for a shell.
fn set(key: &str, value: &str) -> String {
    format!("{key}={}", shell_word(value))
}

fn refuse_kind(draft: &mut Draft<'_>, host: &Host, queue: &QueueFacts) {
    let (why, advice) = match queue.kind {
        QueueKind::Quorum | QueueKind::Stream => {
            ("it is a quorum queue or a stream: its replicas catch up by themselves", grow())
        }
        QueueKind::Classic | QueueKind::Mirrored | QueueKind::Other => (
            "no policy with ha-mode applies to it",
            Next::say("a quorum queue is replicated; a mirrored one needs a policy"),
        ),
    };
    draft.refuse(&host.name, RefusalKind::SyncOtherKind, format!("{} is not mirrored", queue), why, advice);
}

fn note(draft: &mut Draft<'_>, host: &HostName, text: String) {
    if draft.options.pass == Pass::Before {
        draft.note(host, text);
    }
}
