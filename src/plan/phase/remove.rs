use super::forget::{forget, keep};
use super::only_copies::{self, Holder};
use super::{Draft, forget_offline as offline, roll};
use crate::cluster::phrases::listed;
use crate::cluster::view;
use crate::facts::{BrokerState, HostFacts, MetadataStore, NodeFacts};
use crate::inventory::Host;
use crate::model::{HostName, Next, NodeName, NodeType, Role};
use crate::operation::{MayGo, ReleaseQueues, RetireBroker, StopCheck, StopUnknownMember};
use crate::plan::{Change, Pass, Proposal, RefusalKind, StepId};
use crate::playbook::{Minutes, Phase};
use crate::rabbitmq::BROKER_UNIT;

/// Removes a node from the cluster: it is stopped and forgotten, and its data is moved aside.
pub fn plan(draft: &mut Draft<'_>, patience: Minutes) {
    let Some(gone) = draft.desired.leaving.clone() else { return };
    let host = draft.desired.leaving_host();
    leave(draft, &gone, host, patience);
    let done = draft.steps.iter().any(|step| step.phase == draft.phase);
    let text = if done {
        format!(
            "remove {} from the inventory, too: otherwise the next rabbitup up brings it back",
            gone.host()
        )
    } else {
        match draft.host(&draft.anchor).and_then(HostFacts::node) {
            Some(node) => {
                let members = node.members.iter().map(|member| &member.node);
                format!("{gone} is not a member of the cluster; its members are {}", listed(members))
            }
            None => format!("{gone} is not a member of the cluster"),
        }
    };
    if draft.options.pass == Pass::Before && (host.is_some() || !done) {
        let about = host.map_or_else(|| draft.anchor.clone(), |host| host.name.clone());
        draft.note(&about, text);
    }
}

/// The steps by which a node leaves. `host` is its host, if that is in the inventory.
pub(super) fn leave(draft: &mut Draft<'_>, gone: &NodeName, host: Option<&Host>, patience: Minutes) {
    let facts = host.and_then(|host| draft.host(&host.name)).cloned();
    let peers: Vec<(Host, NodeFacts)> = view::running(draft.desired, &draft.facts)
        .into_iter()
        .filter(|(_, node)| &node.name != gone)
        .map(|(host, node)| (host.clone(), node.clone()))
        .collect();
    let lists: Vec<&(Host, NodeFacts)> = peers.iter().filter(|(_, node)| node.lists(gone)).collect();
    let anchored = lists.iter().find(|(host, _)| host.name == draft.anchor).or(lists.first()).copied();
    if let Some((peer, node)) = anchored {
        if !may_leave(draft, gone, host, (peer, node)) {
            return;
        }
        // The node itself counts exactly; its peers only know which node has which queue.
        let own = facts.as_ref().and_then(HostFacts::node);
        let runs = own.is_some() || node.running.contains(gone);
        let holder = if runs { Holder::Runs } else { Holder::Stopped };
        let Some(may_go) = only_copies::may_go(draft, gone, host, own.unwrap_or(node), holder) else {
            return;
        };
        let stopped = stop(draft, (gone, may_go), host, facts.as_ref(), (peer, node), patience);
        forget(draft, gone, peer, may_go, stopped);
    } else if peers.is_empty() && facts.as_ref().is_none_or(|facts| facts.node().is_none()) {
        return match facts {
            // Its host is reachable: if it is started with the others, it can be drained first.
            Some(_) => offline::refuse(draft, gone, host),
            None => offline::forget(draft, gone, host, patience),
        };
    } else if let (Some(host), Some(facts)) = (host, &facts)
        && is_to_retire(facts)
        && !is_other_cluster(facts, gone)
    {
        // Forgotten already, and still running: an earlier run was interrupted here. What it received since then exists only there.
        let may_go = match facts.node() {
            Some(own) => only_copies::may_go(draft, gone, Some(host), own, Holder::Runs),
            None => Some(MayGo::NOTHING),
        };
        let Some(may_go) = may_go else { return };
        retire(draft, host, (gone, may_go), StopCheck::None, patience, Vec::new());
    }
    if let (Some(host), Some(facts)) = (host, &facts)
        && facts.data_of(gone).is_some()
    {
        keep(draft, host, gone);
    }
}

/// Whether the node runs, is restarted by its unit, or would start at the next boot: it would enter the
/// cluster again by itself, since its configuration still names the cluster.
fn is_to_retire(facts: &HostFacts) -> bool {
    let unit = facts.unit(BROKER_UNIT);
    runs_somehow(facts) || (unit.exists && unit.is_enabled())
}

/// Whether something must be stopped: a node, or a unit that tries to start one.
pub(super) fn runs_somehow(facts: &HostFacts) -> bool {
    let unit = facts.unit(BROKER_UNIT);
    facts.broker != BrokerState::Down || ["active", "activating"].contains(&unit.active.as_str())
}

/// Whether the node runs as a member of another cluster than the inventory's brokers.
fn is_other_cluster(facts: &HostFacts, gone: &NodeName) -> bool {
    facts.node().is_some_and(|node| node.members.iter().any(|member| &member.node != gone))
}

/// Whether the cluster can lose the node: it is not the last disc node, and the rest of the cluster is complete.
fn may_leave(
    draft: &mut Draft<'_>,
    gone: &NodeName,
    host: Option<&Host>,
    (peer, node): (&Host, &NodeFacts),
) -> bool {
    let about = host.map_or_else(|| peer.name.clone(), |host| host.name.clone());
    let discs = |node: &NodeFacts| -> Vec<NodeName> {
        node.members.iter().filter(|m| m.node_type == NodeType::Disc).map(|m| m.node.clone()).collect()
    };
    if discs(node) == [gone.clone()] {
        draft.refuse(
            &about,
            RefusalKind::LastDiscNode,
            format!("{gone} is the last disc node"),
            "the others are RAM nodes: without it the cluster could not restart",
            Next::say(
                "make another node a disc node first, with node_type = \"disc\" in the inventory, and:",
            )
            .rabbitup("up"),
        );
        return false;
    }
    let mut found = view::disagreements(draft.desired, &draft.facts, node);
    found.retain(|it| !it.is_absence_of(gone));
    if !found.is_empty() {
        draft.refuse(
            &about,
            RefusalKind::RemovalFromIncomplete,
            format!("{gone} cannot be removed now"),
            view::told(&found),
            Next::say("repair the cluster first; this shows what is wrong with it:").rabbitup("doctor"),
        );
        return false;
    }
    if node.metadata_store == MetadataStore::Khepri && node.members.len() == 2 {
        draft.refuse(
            &about,
            RefusalKind::OneOfTwo,
            format!("{gone} cannot be removed from a cluster of two nodes with Khepri"),
            "removing a member needs a majority, and while one is stopped the other is not a majority",
            Next::say("add a third broker to the inventory first, and:").rabbitup("up").also(
                "or, if nothing on it is needed any more, let it leave by itself with rabbitmqctl stop_app and rabbitmqctl reset, which \
                 deletes its data",
            ),
        );
        return false;
    }
    true
}

/// Stops the node on its host or, if that is not in the inventory, over Erlang distribution from a peer.
fn stop(
    draft: &mut Draft<'_>,
    (gone, may_go): (&NodeName, MayGo),
    host: Option<&Host>,
    facts: Option<&HostFacts>,
    (peer, node): (&Host, &NodeFacts),
    patience: Minutes,
) -> Vec<StepId> {
    let balancers: Vec<HostName> =
        draft.desired.with_role(Role::LoadBalancer).map(|host| host.name.clone()).collect();
    let mut after = draft.last_of(&balancers.iter().collect::<Vec<_>>(), &[Phase::LoadBalancer]);
    after.extend(roll::turn(draft));
    after.extend(draft.last_on_brokers(&[Phase::Join, Phase::Grow]));
    // Of two nodes each is always critical for the other; drained, it gets no new queues.
    let stop_check = if node.members.len() > 2 { StopCheck::QuorumCritical } else { StopCheck::Drain };
    if stop_check == StopCheck::Drain
        && node.running.contains(gone)
        && node.queues.iter().any(|q| q.kind.is_replicated())
    {
        let names = draft.desired.cluster.names;
        let operation = ReleaseQueues { node: peer.node(), names, gone: gone.clone() };
        draft.propose(
            Proposal::new(&peer.name, &format!("release-{}", gone.host()), Change::Remove, operation)
                .title(format!("remove every queue's replica from {gone}"))
                .because("one of two nodes is not a majority, so this is done while both run")
                .after(after.clone())
                .within(420),
        );
        after.extend(draft.last_of(&[&peer.name], &[draft.phase]));
    }
    match (host, facts) {
        (Some(host), Some(facts)) => {
            if is_to_retire(facts) {
                let stop_check = if facts.node().is_some() { stop_check } else { StopCheck::None };
                retire(draft, host, (gone, may_go), stop_check, patience, after);
            }
            draft.last_of(&[&host.name], &[draft.phase])
        }
        _ if node.running.contains(gone) => {
            stop_unknown_member(draft, gone, peer, stop_check, patience, after);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn retire(
    draft: &mut Draft<'_>,
    host: &Host,
    (gone, may_go): (&NodeName, MayGo),
    stop_check: StopCheck,
    patience: Minutes,
    after: Vec<StepId>,
) {
    let names = draft.desired.cluster.names;
    let patience_s = patience.seconds();
    let operation = RetireBroker { node: gone.clone(), names, stop_check, may_go, patience_s };
    let drained = if stop_check == StopCheck::None { "" } else { "drain and " };
    draft.propose(
        Proposal::new(&host.name, "retire", Change::Remove, operation)
            .title(format!("{drained}stop {gone} permanently"))
            .because("it leaves the cluster, and a running node cannot be forgotten")
            .after(after)
            .within(900 + patience.seconds()),
    );
}

fn stop_unknown_member(
    draft: &mut Draft<'_>,
    gone: &NodeName,
    peer: &Host,
    stop_check: StopCheck,
    patience: Minutes,
    after: Vec<StepId>,
) {
    let operation = StopUnknownMember {
        node: peer.node(),
        names: draft.desired.cluster.names,
        unknown_member: gone.clone(),
        stop_check,
        patience_s: patience.seconds(),
    };
    draft.note(
        &peer.name,
        format!("the host of {gone} is not in the inventory: run `systemctl disable --now rabbitmq-server` there, or it tries to rejoin"),
    );
    draft.propose(
        Proposal::new(&peer.name, &format!("stop-{}", gone.host()), Change::Remove, operation)
            .title(format!("drain {gone} and stop its RabbitMQ remotely"))
            .because("it leaves the cluster, and a running node cannot be forgotten")
            .after(after)
            .within(900 + patience.seconds()),
    );
}
