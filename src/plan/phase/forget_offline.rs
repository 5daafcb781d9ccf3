use super::{Draft, bring_back, forget, start};
use crate::facts::{BrokerState, NodeData};
use crate::inventory::Host;
use crate::model::{Next, NodeName};
use crate::operation::{ForgetOffline, MayGo};
use crate::plan::{Change, Proposal, RefusalKind, StepId};
use crate::playbook::Minutes;

/// The feature flag that a node records beside its data when its metadata are in Khepri.
const KHEPRI: &str = "khepri_db";

/// Forgets a lost node while none of the others runs.
pub(super) fn forget(draft: &mut Draft<'_>, gone: &NodeName, host: Option<&Host>, patience: Minutes) {
    let by_majority = is_majority_of_khepri(draft);
    let first = if by_majority { draft.brokers().first().copied().cloned() } else { last_but(draft, gone) };
    let Some(first) = first else { return refuse(draft, gone, host) };
    if !host.is_some_and(|host| draft.options.destroy_data.contains(&host.name)) {
        return refuse_unseen(draft, gone, host);
    }
    note_unseen(draft, &first, gone);
    if by_majority {
        start_majority(draft, patience);
    } else {
        start_without(draft, gone, &first, patience);
    }
    let started = draft.last_on_brokers(&[draft.phase]);
    // They cannot be counted; the operator agreed to lose an unknown number.
    forget::forget(draft, gone, &first, MayGo { queues: None, uncounted: None }, started);
}

/// With Mnesia, nodes wait for the one that stopped last. The one that stopped right before it forgets that node, starts, and
/// the others follow.
fn start_without(draft: &mut Draft<'_>, gone: &NodeName, first: &Host, patience: Minutes) {
    let node = first.node();
    draft.propose(
        Proposal::new(
            &first.name,
            "forget-offline",
            Change::Remove,
            ForgetOffline { node: node.clone(), gone: gone.clone() },
        )
        .title(format!("forget {gone} while {node} is stopped (forget_cluster_node --offline)"))
        .because(format!(
            "no node runs, and {node} stopped last of the remaining ones: after this it starts without {gone}"
        ))
        .within(420),
    );
    let mut forgotten: Vec<StepId> = draft.last_of(&[&first.name], &[draft.phase]);
    let others = draft.brokers().into_iter().filter(|other| other.name != first.name);
    for other in std::iter::once(first).chain(others) {
        start::propose(draft, other, "it waited for a lost node", forgotten.clone(), patience);
        if other.name == first.name {
            forgotten = draft.last_of(&[&first.name], &[draft.phase]);
        }
    }
}

/// With Khepri no node waits for the one that stopped last: a majority can start at once.
fn start_majority(draft: &mut Draft<'_>, patience: Minutes) {
    for other in draft.brokers() {
        start::propose(draft, other, "a majority starts without the lost node", Vec::new(), patience);
    }
}

/// What a stopped node has on its disk.
fn stopped_data<'d>(draft: &'d Draft<'_>, host: &Host) -> Option<&'d NodeData> {
    let facts = draft.host(&host.name)?;
    matches!(facts.broker, BrokerState::Down | BrokerState::AppStopped)
        .then(|| facts.data_of(&host.node()))?
}

/// Whether all remaining brokers are stopped members of a cluster with Khepri, and more than one.
fn is_majority_of_khepri(draft: &Draft<'_>) -> bool {
    let brokers = draft.brokers();
    let waits =
        |host: &&Host| stopped_data(draft, host).is_some_and(|data| data.feature_flags.contains(KHEPRI));
    brokers.len() > 1 && brokers.iter().all(waits)
}

fn note_unseen(draft: &mut Draft<'_>, first: &Host, gone: &NodeName) {
    draft.note(
        &first.name,
        format!(
            "--destroy-data {}: deletes the queues that only {gone} had; their number is unknown",
            gone.host()
        ),
    );
}

/// Forgetting a node deletes the queues that only it has, and while all nodes are stopped these queues are unknown.
fn refuse_unseen(draft: &mut Draft<'_>, gone: &NodeName, host: Option<&Host>) {
    let about = host.map_or_else(|| draft.anchor.clone(), |host| host.name.clone());
    let first = if host.is_some() { "" } else { "add its host to the inventory, and " };
    draft.refuse(
        &about,
        RefusalKind::OnlyCopiesUnseen,
        format!("{gone} may have the only copy of some queues, and no node runs that could list them"),
        "forgetting it while all are stopped deletes those queues from the cluster",
        Next::say(format!("bring its host back if possible; if it is lost for good, {first}name it:"))
            .rabbitup(format!("run remove-node node={} --destroy-data {}", gone.host(), gone.host())),
    );
}

/// The broker of the inventory that stopped last, as the nodes recorded it when they stopped. None
/// if that is unknown: they were killed together, or their cluster does not record it (Khepri).
fn last_but(draft: &Draft<'_>, gone: &NodeName) -> Option<Host> {
    let brokers = draft.brokers();
    let nodes: Vec<NodeName> = brokers.iter().map(|host| host.node()).collect();
    let knows = |host: &&&Host| {
        let data = stopped_data(draft, host);
        data.is_some_and(|data| data.members.iter().any(|member| &member.node == gone))
    };
    let is_last = |host: &&&Host| {
        let data = draft.host(&host.name).and_then(|facts| facts.data_of(&host.node()));
        data.is_some_and(|data| !data.outlived_by.iter().any(|other| nodes.contains(other)))
    };
    let found: Vec<&&Host> = brokers.iter().filter(knows).filter(is_last).collect();
    match found.as_slice() {
        [only] => Some((**only).clone()),
        _ => None,
    }
}

pub(super) fn refuse(draft: &mut Draft<'_>, gone: &NodeName, host: Option<&Host>) {
    let about = host.map_or_else(|| draft.anchor.clone(), |host| host.name.clone());
    draft.refuse(
        &about,
        RefusalKind::NobodyForgets,
        format!("no other node runs, so none can forget {gone}"),
        "only a running member can forget another one; if none can start, the one that stopped \
         last before it can, if that is known",
        bring_back_others(draft).also("if they wait for this node, see docs/playbooks/remove-node.md"),
    );
}

/// What starts the others: they may not run for different reasons.
fn bring_back_others(draft: &Draft<'_>) -> Next {
    let next = draft.brokers().first().map(|host| bring_back::next(draft, host));
    next.unwrap_or_else(|| Next::say("none of the others answered"))
}
