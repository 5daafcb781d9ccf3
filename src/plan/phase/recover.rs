use super::{Draft, remove};
use crate::facts::{BrokerState, ClusterMember, HostFacts, MetadataStore, NodeFacts};
use crate::inventory::Host;
use crate::model::NodeName;
use crate::plan::view::{self, listed};
use crate::plan::{Action, Change, Moment, Proposal};
use crate::playbook::Minutes;
use crate::rabbitmq::ENV_FILE;

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
    let listed = view::lists(&seen, &node);
    let data = facts.data_of(&node).is_some();
    match (&facts.broker, listed, data) {
        (BrokerState::Running(own), true, _) if view::lists(own, &peer.node()) => {
            if draft.options.moment == Moment::Before {
                draft.note(
                    &host.name,
                    format!("{node} runs, and the others list it: there is nothing to recover"),
                );
            }
        }
        // A blank node, or a stranger to the cluster that holds nothing: the phase join knows what to do.
        (BrokerState::Down, false, false) => {}
        (BrokerState::Running(own), false, _) if view::is_alone(own) => {}
        (BrokerState::Down, true, false) if keeps_data_elsewhere(&facts) => refuse_elsewhere(draft, host),
        (BrokerState::Down, true, false) => forget_wiped(draft, host, &peer),
        (BrokerState::Running(own), true, _) if view::is_alone(own) && own.holdings.is_empty() => {
            forget_wiped(draft, host, &peer);
        }
        (BrokerState::CookieRefused, ..) => refuse_cookie(draft, host),
        // A node that waits for its peers' tables answers like one whose RabbitMQ is stopped.
        (BrokerState::Down | BrokerState::AppStopped | BrokerState::Unknown(_), true, true) => {
            moved_on(draft, host, &facts, (&peer, &seen), patience);
        }
        _ => start_over(draft, host, &facts, (&peer, listed), patience),
    }
}

fn refuse_unknown(draft: &mut Draft<'_>, node: &NodeName) {
    let anchor = draft.anchor.clone();
    draft.refuse(
        &anchor,
        format!("{node} is no broker of the inventory"),
        "what is to be brought back must be among its hosts",
        "put its host there with the role broker, or take the node out of the cluster: rabbitup run remove-node",
    );
}

/// Whether rabbitmq-env.conf says that the node's data lies where nobody looked: then nothing tells that it is gone.
fn keeps_data_elsewhere(facts: &HostFacts) -> bool {
    let settings = facts.file(ENV_FILE).and_then(|file| file.content.as_deref()).unwrap_or_default();
    let moves = |line: &str| ["MNESIA_BASE=", "MNESIA_DIR="].iter().any(|key| line.contains(key));
    settings.lines().map(str::trim_start).any(|line| !line.starts_with('#') && moves(line))
}

fn refuse_elsewhere(draft: &mut Draft<'_>, host: &Host) {
    draft.refuse(
        &host.name,
        format!("whether {} still has its data cannot be seen", host.node()),
        format!("{ENV_FILE} moves it away from /var/lib/rabbitmq/mnesia, where rabbitup looks"),
        "look there: with its data, rabbitup up starts it; if it is gone, rabbitup run remove-node, then rabbitup up",
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
    peers.sort_by_key(|(host, seen)| {
        (view::is_alone(seen) && !view::lists(seen, node), host.name != draft.anchor)
    });
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
    let finds = noted.iter().any(|member| {
        member.node != node && seen.running.contains(&member.node) && view::lists(seen, &member.node)
    });
    if finds || seen.metadata_store == MetadataStore::Khepri {
        return;
    }
    if noted.iter().all(|member| member.node == node) {
        return start_over(draft, host, facts, (peer, true), patience);
    }
    let action =
        Action::FollowPeer { node: node.clone(), names: draft.desired.cluster.names, peer: peer.node() };
    draft.propose(
        Proposal::new(&host.name, "follow", Change::Change, action)
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
    (peer, listed): (&Host, bool),
    patience: Minutes,
) {
    let node = host.node();
    if remove::runs_somehow(facts) {
        let action = Action::StopBroker { node: node.clone() };
        draft.propose(
            Proposal::new(&host.name, "stop", Change::Command, action)
                .title(format!("stop {node}"))
                .because("it and the cluster do not belong together any more")
                .within(120 + patience.seconds()),
        );
    }
    let stopped = draft.last_of(&[&host.name], &[draft.phase]);
    note_lost(draft, host, "their messages are in what is kept");
    if listed {
        remove::forget(draft, &node, peer, stopped);
    }
    if facts.data_of(&node).is_some() {
        remove::keep(draft, host, &node);
    }
}

/// What it had is gone already; forgetting it takes the names out of the cluster, too.
fn forget_wiped(draft: &mut Draft<'_>, host: &Host, peer: &Host) {
    note_lost(draft, host, "their messages went with its data");
    remove::forget(draft, &host.node(), peer, Vec::new());
}

/// Queues that no other node has leave the cluster with the node's old data; nobody can ask whether that matters any
/// more, but their names can be told.
fn note_lost(draft: &mut Draft<'_>, host: &Host, messages: &str) {
    let node = host.node();
    let mut names: Vec<String> = view::running(draft.desired, draft.observed)
        .into_iter()
        .flat_map(|(_, seen)| &seen.queues)
        .filter(|queue| !queue.exclusive && queue.replicas == [node.clone()])
        .map(|queue| queue.name.clone())
        .collect();
    names.sort();
    names.dedup();
    if !names.is_empty() {
        let more = names.len().saturating_sub(20);
        names.truncate(20);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        let text = format!("queues that only {node} had leave the cluster: {}; {messages}", listed(&names));
        draft.note(&host.name, text);
    }
}
