use super::{Draft, forget, start};
use crate::facts::{BrokerState, NodeData};
use crate::inventory::Host;
use crate::model::NodeName;
use crate::operation::{ForgetOffline, MayGo};
use crate::plan::{Change, Proposal, StepId};
use crate::playbook::Minutes;

/// The feature flag that a node notes beside its data when Khepri holds the metadata.
const KHEPRI: &str = "khepri_db";

/// Forgets a node that is gone where none of the others runs.
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
    // Nobody could count them; the operator let an unknown number go.
    forget::forget(draft, gone, &first, MayGo { queues: None, uncounted: None }, started);
}

/// Mnesia's nodes start after the one that stopped last. The one that stopped right before it is told to do without, starts, and
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
            "no node runs, and {node} is the last of the others that did: it need not wait any more"
        ))
        .within(420),
    );
    let mut forgotten: Vec<StepId> = draft.last_of(&[&first.name], &[draft.phase]);
    let others = draft.brokers().into_iter().filter(|other| other.name != first.name);
    for other in std::iter::once(first).chain(others) {
        start::propose(draft, other, "it waited for a node that is gone", forgotten.clone(), patience);
        if other.name == first.name {
            forgotten = draft.last_of(&[&first.name], &[draft.phase]);
        }
    }
}

/// With Khepri nobody waits for the one that stopped last: a majority starts at once.
fn start_majority(draft: &mut Draft<'_>, patience: Minutes) {
    for other in draft.brokers() {
        start::propose(draft, other, "a majority starts without the node that is gone", Vec::new(), patience);
    }
}

/// What a node that does not run has on its disk.
fn stopped_data<'d>(draft: &'d Draft<'_>, host: &Host) -> Option<&'d NodeData> {
    let facts = draft.host(&host.name)?;
    matches!(facts.broker, BrokerState::Down | BrokerState::AppStopped)
        .then(|| facts.data_of(&host.node()))?
}

/// Whether all brokers that stay are stopped members of a cluster with Khepri, and more than one.
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
            "--destroy-data {}: an unknown number of queues that only {gone} had goes with it",
            gone.host()
        ),
    );
}

/// Forgetting a node deletes the queues that only it has, and with all of them stopped nobody can tell which those are.
fn refuse_unseen(draft: &mut Draft<'_>, gone: &NodeName, host: Option<&Host>) {
    let about = host.map_or_else(|| draft.anchor.clone(), |host| host.name.clone());
    let first = if host.is_some() { "" } else { "put its host into the inventory, then " };
    draft.refuse(
        &about,
        format!("{gone} may have the only copy of queues, and nobody who could name them runs"),
        "forgetting it while all are stopped deletes those queues from the cluster",
        format!(
            "bring its host back, if it can be; if it is gone for good: {first}rabbitup run remove-node node={} \
             --destroy-data {}",
            gone.host(),
            gone.host()
        ),
    );
}

/// The broker of the inventory that none of the others outlived, as they noted it themselves when they stopped. None
/// where that cannot be told: they were killed together, or their cluster keeps no such notes (Khepri).
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
        format!("no other node runs that could forget {gone}"),
        "a member is forgotten by another one that runs; where that one's host is gone for good, by the one that stopped \
         last before it, if that can be told",
        "rabbitup run start starts the others; where they wait for this very node, see docs/playbooks/remove-node.md",
    );
}
