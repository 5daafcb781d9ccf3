use super::only_copies::{self, Holder};
use super::{Draft, data_place, forget, remove};
use crate::cluster::phrases::listed;
use crate::cluster::view;
use crate::facts::{BrokerState, ClusterMember, HostFacts, MetadataStore, NodeFacts};
use crate::inventory::Host;
use crate::model::NodeName;
use crate::operation::{FollowPeer, Gate, MayGo, Operation, RetireBroker, StopBroker};
use crate::plan::{Change, Moment, Proposal};
use crate::playbook::Minutes;

/// Brings back a node that does not come back by itself. What is wrong with it is read from what it, and what its
/// peers, believe of each other:
///
/// - its data is gone and the cluster still lists it (`inconsistent_cluster`): it is forgotten, then it enters anew;
/// - the cluster has forgotten it and it has its data: that is kept aside, then it enters anew;
/// - the members that it remembers are gone or have left (`timeout_waiting_for_tables`): it is told who they are now,
///   and keeps its data. That is what `update_cluster_nodes` did up to 3.12; since then that is a silent no-op.
pub fn plan(draft: &mut Draft<'_>, patience: Minutes) {
    let Some(node) = draft.options.arguments.node.clone() else { return };
    let Some(host) = draft.desired.brokers().find(|host| host.node() == node) else {
        return refuse_unknown(draft, &node);
    };
    let Some(facts) = draft.host(&host.name).cloned() else { return };
    let Some((peer, seen)) = peer(draft, &node) else { return alone(draft, host, &facts) };
    let listed = seen.lists(&node);
    let data = facts.data_of(&node).is_some();
    match (&facts.broker, listed, data) {
        (BrokerState::Running(own), true, _) if own.lists(&peer.node()) => {
            if draft.options.moment == Moment::Before {
                draft.note(
                    &host.name,
                    format!("{node} runs, and the others list it: there is nothing to recover"),
                );
            }
        }
        // A blank node, or a stranger to the cluster that holds nothing: the phase join knows what to do.
        (BrokerState::Down, false, false) => {}
        (BrokerState::Running(own), false, _) if own.is_alone() => {}
        (BrokerState::Down, true, false) => forget_wiped(draft, host, &facts, (&peer, &seen)),
        (BrokerState::Running(own), true, _) if own.is_alone() && own.holdings.is_empty() => {
            forget_wiped(draft, host, &facts, (&peer, &seen));
        }
        (BrokerState::CookieRefused, ..) => refuse_cookie(draft, host),
        // A node that waits for its peers' tables answers like one whose RabbitMQ is stopped.
        (BrokerState::Down | BrokerState::AppStopped | BrokerState::Unknown(_), true, true) => {
            moved_on(draft, host, &facts, (&peer, &seen), patience);
        }
        _ => start_over(draft, host, &facts, (&peer, &seen), patience),
    }
}

fn refuse_unknown(draft: &mut Draft<'_>, node: &NodeName) {
    let anchor = draft.anchor.clone();
    draft.refuse(
        &anchor,
        format!("{node} is not a broker in the inventory"),
        "what is to be brought back must be among its hosts",
        "put its host there with the role broker, or take the node out of the cluster: rabbitup run remove-node",
    );
}

fn refuse_cookie(draft: &mut Draft<'_>, host: &Host) {
    draft.refuse(
        &host.name,
        format!("{} runs with another cookie than its file holds: there is nothing to recover", host.node()),
        "what it holds cannot be seen until it takes the cookie that the others have",
        "rabbitup up, for one node; rabbitup run rotate-cookie, where it is so on all of them",
    );
}

/// A member that runs and could be asked about the node: the anchor where it runs.
fn peer(draft: &Draft<'_>, node: &NodeName) -> Option<(Host, NodeFacts)> {
    let mut peers: Vec<(&Host, &NodeFacts)> = view::running(draft.desired, &draft.facts)
        .into_iter()
        .filter(|(_, seen)| &seen.name != node)
        .collect();
    peers.sort_by_key(|(host, seen)| (seen.is_alone() && !seen.lists(node), host.name != draft.anchor));
    peers.first().map(|(host, seen)| ((*host).clone(), (*seen).clone()))
}

/// Nobody else runs: after a full stop the nodes wait for each other, so all are started.
fn alone(draft: &mut Draft<'_>, host: &Host, facts: &HostFacts) {
    if facts.node().is_none() {
        draft
            .note(&host.name, "no other node runs: all are started together, since they wait for each other");
    }
}

/// The node has its data and the cluster still lists it: does it know anybody who runs? Where it does, or where Khepri's
/// log tells it of newer members, a start is all it needs. One that knows nobody but itself was wiped: what it has is
/// what its start left, and Mnesia keeps it from entering where it is still listed.
fn moved_on(
    draft: &mut Draft<'_>,
    host: &Host,
    facts: &HostFacts,
    (peer, seen): (&Host, &NodeFacts),
    patience: Minutes,
) {
    let node = host.node();
    let noted = facts.data_of(&node).map(|data| data.members.clone()).unwrap_or_default();
    let finds = noted
        .iter()
        .any(|member| member.node != node && seen.running.contains(&member.node) && seen.lists(&member.node));
    if finds || seen.metadata_store == MetadataStore::Khepri {
        return;
    }
    if noted.iter().all(|member| member.node == node) {
        return start_over(draft, host, facts, (peer, seen), patience);
    }
    let operation = FollowPeer { node: node.clone(), names: draft.desired.cluster.names, peer: peer.node() };
    draft.propose(
        Proposal::new(&host.name, "follow", Change::Change, operation)
            .title(format!("tell {node} who the members are now, as {} sees them", peer.node()))
            .because(format!(
                "it remembers {}, and no member of the cluster that runs",
                listed(others(&noted, &node))
            ))
            .within(420),
    );
}

fn others(members: &[ClusterMember], node: &NodeName) -> Vec<NodeName> {
    members.iter().map(|member| member.node.clone()).filter(|member| member != node).collect()
}

/// Forgotten where it is listed, its data kept aside: it enters as a blank node.
fn start_over(
    draft: &mut Draft<'_>,
    host: &Host,
    facts: &HostFacts,
    (peer, seen): (&Host, &NodeFacts),
    patience: Minutes,
) {
    let node = host.node();
    let listed = seen.lists(&node);
    // What it took while it ran beside its cluster only it knows; what is lost with its membership its peers know.
    let own = facts.node().map(|own| only_copies::may_go(draft, &node, Some(host), own, Holder::Runs));
    let theirs = listed.then(|| only_copies::may_go(draft, &node, Some(host), seen, Holder::Stopped));
    let (Some(own), Some(theirs)) =
        (own.unwrap_or(Some(MayGo::NOTHING)), theirs.unwrap_or(Some(MayGo::NOTHING)))
    else {
        return;
    };
    if remove::runs_somehow(facts) {
        stop(draft, host, facts, own, patience);
    }
    let stopped = draft.last_of(&[&host.name], &[draft.phase]);
    if listed {
        forget::forget(draft, &node, peer, theirs, stopped);
    }
    if facts.data_of(&node).is_some() {
        forget::keep(draft, host, &node);
    }
}

/// Where RabbitMQ serves, what only it has is closed and counted before it stops.
fn stop(draft: &mut Draft<'_>, host: &Host, facts: &HostFacts, may_go: MayGo, patience: Minutes) {
    let (node, names) = (host.node(), draft.desired.cluster.names);
    let operation: Operation = match facts.node() {
        Some(_) => {
            let (gate, patience_s) = (Gate::None, patience.seconds());
            RetireBroker { node: node.clone(), names, gate, may_go, patience_s }.into()
        }
        None => StopBroker { node: node.clone() }.into(),
    };
    draft.propose(
        Proposal::new(&host.name, "stop", Change::Command, operation)
            .title(format!("stop {node}"))
            .because("it and the cluster do not belong together any more")
            .within(720 + patience.seconds()),
    );
}

/// Its data is gone: forgetting the node deletes the queues that only it had. First it is made sure of that the data is not
/// merely on a disk that is not mounted, or elsewhere.
fn forget_wiped(draft: &mut Draft<'_>, host: &Host, facts: &HostFacts, (peer, seen): (&Host, &NodeFacts)) {
    let node = host.node();
    if data_place::refuse(draft, host, facts) {
        return;
    }
    let Some(may_go) = only_copies::may_go(draft, &node, Some(host), seen, Holder::Lost) else { return };
    forget::forget(draft, &node, peer, may_go, Vec::new());
}
