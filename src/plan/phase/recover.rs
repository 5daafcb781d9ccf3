use super::only_copies::{self, Holder};
use super::{Draft, bring_back, data_place, forget, remove};
use crate::cluster::phrases::listed;
use crate::cluster::view;
use crate::facts::{BrokerState, ClusterMember, HostFacts, MetadataStore, NodeFacts};
use crate::inventory::Host;
use crate::model::{Next, NodeName};
use crate::operation::{FollowPeer, MayGo, Operation, RetireBroker, StopBroker, StopCheck};
use crate::plan::{Change, Pass, Proposal, RefusalKind};
use crate::playbook::Minutes;

/// Brings back a node that cannot recover by itself. The problem is derived from what it and
/// its peers list:
///
/// - its data is lost and the cluster still lists it (`inconsistent_cluster`): it is forgotten, then it enters again;
/// - the cluster has forgotten it and it has its data: the data is moved aside, then it enters again;
/// - the members that it remembers are lost or have left (`timeout_waiting_for_tables`): it gets the current ones,
///   and keeps its data. `update_cluster_nodes` did this up to 3.12; since then it is a silent no-op.
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
            if draft.options.pass == Pass::Before {
                draft.note(
                    &host.name,
                    format!("{node} runs, and the others list it: there is nothing to recover"),
                );
            }
        }
        // A blank node, or an empty one that is not a member: the phase join handles it.
        (BrokerState::Down, false, false) => {}
        (BrokerState::Running(own), false, _) if own.is_alone() => {}
        (BrokerState::Down, true, false) => forget_wiped(draft, host, &facts, (&peer, &seen)),
        (BrokerState::Running(own), true, _) if own.is_alone() && own.holdings.is_empty() => {
            forget_wiped(draft, host, &facts, (&peer, &seen));
        }
        (BrokerState::CookieRefused, ..) => refuse_cookie(draft, host),
        // A node that waits for its peers' tables looks like one whose RabbitMQ is stopped.
        (BrokerState::Down | BrokerState::AppStopped | BrokerState::Unknown(_), true, true) => {
            moved_on(draft, host, &facts, (&peer, &seen), patience);
        }
        _ => start_over(draft, host, &facts, (&peer, &seen), Holder::Stopped, patience),
    }
}

fn refuse_unknown(draft: &mut Draft<'_>, node: &NodeName) {
    let anchor = draft.anchor.clone();
    let is_member = view::running(draft.desired, draft.observed).iter().any(|(_, seen)| seen.lists(node));
    let next = match is_member {
        true => Next::say(
            "add its host to the inventory with the role broker; or remove the node from the cluster:",
        )
        .rabbitup(format!("run remove-node node={}", node.host())),
        false => Next::say(format!(
            "no running node lists it as a member; the brokers are {}",
            listed(draft.desired.brokers().map(|host| &host.name))
        )),
    };
    draft.refuse(
        &anchor,
        RefusalKind::NotABroker,
        format!("{node} is not a broker in the inventory"),
        "only a host of the inventory can be brought back",
        next,
    );
}

fn refuse_cookie(draft: &mut Draft<'_>, host: &Host) {
    draft.refuse(
        &host.name,
        RefusalKind::CookieNotRecoverable,
        format!(
            "{} runs with a cookie other than the one in its file: it does not need recover-node",
            host.node()
        ),
        "its data cannot be seen until it uses the cookie of the others",
        bring_back::with_its_cookie(draft, host),
    );
}

/// A running member that can be asked about the node: the anchor if it runs.
fn peer(draft: &Draft<'_>, node: &NodeName) -> Option<(Host, NodeFacts)> {
    let mut peers: Vec<(&Host, &NodeFacts)> = view::running(draft.desired, &draft.facts)
        .into_iter()
        .filter(|(_, seen)| &seen.name != node)
        .collect();
    peers.sort_by_key(|(host, seen)| (seen.is_alone() && !seen.lists(node), host.name != draft.anchor));
    peers.first().map(|(host, seen)| ((*host).clone(), (*seen).clone()))
}

/// No other node runs: after a full stop the nodes wait for each other, so all are started.
fn alone(draft: &mut Draft<'_>, host: &Host, facts: &HostFacts) {
    if facts.node().is_none() {
        draft
            .note(&host.name, "no other node runs: all are started together, since they wait for each other");
    }
}

/// The node has its data and the cluster still lists it: does it know a running member? If it does, or if Khepri's
/// log tells it the newer members, it only needs a start. A node that knows only itself was wiped: its data is
/// what its start created, and Mnesia refuses its entry while it is still listed.
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
        return start_over(draft, host, facts, (peer, seen), Holder::Lost, patience);
    }
    let operation = FollowPeer { node: node.clone(), names: draft.desired.cluster.names, peer: peer.node() };
    draft.propose(
        Proposal::new(&host.name, "follow", Change::Change, operation)
            .title(format!("tell {node} the current members, as {} sees them", peer.node()))
            .because(format!(
                "it remembers {}, none of which is a running member",
                listed(others(&noted, &node))
            ))
            .within(420),
    );
}

fn others(members: &[ClusterMember], node: &NodeName) -> Vec<NodeName> {
    members.iter().map(|member| member.node.clone()).filter(|member| member != node).collect()
}

/// Forgotten if it is listed, its data moved aside: it enters as a blank node. `holder`: where the queues are that its peers list.
fn start_over(
    draft: &mut Draft<'_>,
    host: &Host,
    facts: &HostFacts,
    (peer, seen): (&Host, &NodeFacts),
    holder: Holder,
    patience: Minutes,
) {
    let node = host.node();
    let listed = seen.lists(&node);
    // Only the node knows what it received while it ran apart from its cluster; its peers know what is lost with its membership.
    let own = facts.node().map(|own| only_copies::may_go(draft, &node, Some(host), own, Holder::Runs));
    let theirs = listed.then(|| only_copies::may_go(draft, &node, Some(host), seen, holder));
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

/// If RabbitMQ serves, the queues that only it has are closed and counted before it stops.
fn stop(draft: &mut Draft<'_>, host: &Host, facts: &HostFacts, may_go: MayGo, patience: Minutes) {
    let (node, names) = (host.node(), draft.desired.cluster.names);
    let operation: Operation = match facts.node() {
        Some(_) => {
            let (stop_check, patience_s) = (StopCheck::None, patience.seconds());
            RetireBroker { node: node.clone(), names, stop_check, may_go, patience_s }.into()
        }
        None => StopBroker { node: node.clone() }.into(),
    };
    draft.propose(
        Proposal::new(&host.name, "stop", Change::Command, operation)
            .title(format!("stop {node}"))
            .because("it is no longer part of the cluster")
            .within(720 + patience.seconds()),
    );
}

/// Its data is lost: forgetting the node deletes the queues that only it had. First this checks that the data is not
/// on an unmounted disk or elsewhere.
fn forget_wiped(draft: &mut Draft<'_>, host: &Host, facts: &HostFacts, (peer, seen): (&Host, &NodeFacts)) {
    let node = host.node();
    if data_place::refuse(draft, host, facts) {
        return;
    }
    let Some(may_go) = only_copies::may_go(draft, &node, Some(host), seen, Holder::Lost) else { return };
    forget::forget(draft, &node, peer, may_go, Vec::new());
}
