//! What the steps of the day-2 playbooks make of the facts.

use super::effect::{each_node, guarded, stopped_unit};
use super::{Action, CookieSide, QueueRef, Service};
use crate::facts::{BrokerState, Facts, HostFacts, NodeFacts, QueueFacts};
use crate::model::{CookieDigest, HostName, NodeName};
use crate::rabbitmq::BROKER_UNIT;

/// Changes `facts` as the step will change the hosts. Returns false where the action is none of these.
pub(super) fn model(
    facts: &mut Facts,
    host: &HostName,
    action: &Action,
    cookie: Option<(CookieDigest, CookieDigest)>,
) -> bool {
    match action {
        Action::StopBroker { node } => down(facts, host, node, Boot::Starts),
        Action::RetireBroker { node, .. } => down(facts, host, node, Boot::StaysDown),
        Action::StopStranger { stranger, .. } => not_running(facts, stranger),
        Action::ReleaseQueues { gone, .. } => release(facts, gone),
        Action::ForgetNode { gone, .. } => forget(facts, gone),
        Action::ForgetOffline { node, gone } => on_host(facts, host, |facts| {
            for data in facts.data.iter_mut().filter(|data| data.node == node.to_string()) {
                data.members.retain(|member| &member.node != gone);
                data.outlived_by.clear();
            }
        }),
        Action::KeepData { node } => on_host(facts, host, |facts| {
            facts.data.retain(|data| data.node != node.to_string());
            facts.kept.push(node.to_string());
        }),
        Action::FollowPeer { node, peer, .. } => follow(facts, host, node, peer),
        Action::GrowReplicas { onto, queues, .. } => grow(facts, onto, queues),
        Action::SyncQueue { queue, .. } => each_node(facts, |node| {
            for known in node.queues.iter_mut().filter(|known| is(known, queue)) {
                known.in_sync.clone_from(&known.replicas);
            }
        }),
        Action::CancelSyncQueue { .. } => {}
        Action::ReviveNode { .. } => on_node(facts, host, |node| node.maintenance = false),
        Action::EnableFeatureFlags { .. } => each_node(facts, |node| node.disabled_feature_flags.clear()),
        Action::Rebalance { .. } => rebalance(facts),
        Action::SwitchServer { server, to } => switch(facts, host, server, *to),
        Action::StageCookie { .. } => on_host(facts, host, |facts| {
            facts.staged_cookie = cookie.map(|(raw, normalised)| guarded(raw, normalised));
        }),
        Action::SwitchCookie { to, .. } => on_host(facts, host, |facts| {
            let from = match to {
                CookieSide::Staged => &facts.staged_cookie,
                CookieSide::File => &facts.cookie,
            };
            let taken = from.as_ref().map(|cookie| cookie.normalised);
            if let BrokerState::Running(node) = &mut facts.broker {
                node.cookie = taken;
            }
        }),
        Action::AdoptCookie { .. } => on_host(facts, host, |facts| {
            if let Some(staged) = facts.staged_cookie.take() {
                facts.cookie = Some(guarded(staged.raw, staged.normalised));
            }
        }),
        Action::DropStagedCookie { .. } => on_host(facts, host, |facts| facts.staged_cookie = None),
        _ => return false,
    }
    true
}

fn on_host(facts: &mut Facts, host: &HostName, change: impl FnOnce(&mut HostFacts)) {
    if let Some(host) = facts.host_mut(host) {
        change(host);
    }
}

fn on_node(facts: &mut Facts, host: &HostName, change: impl FnOnce(&mut NodeFacts)) {
    on_host(facts, host, |facts| {
        if let BrokerState::Running(node) = &mut facts.broker {
            change(node);
        }
    });
}

enum Boot {
    Starts,
    StaysDown,
}

fn down(facts: &mut Facts, host: &HostName, node: &NodeName, boot: Boot) {
    on_host(facts, host, |facts| {
        let mut unit = stopped_unit();
        if matches!(boot, Boot::StaysDown) {
            unit.enabled = "disabled".to_owned();
        }
        // What a node knows of its cluster it notes on disk: those that start it again find it there.
        let known = facts.node().map(|node| (node.members.clone(), node.running.clone()));
        if let (Some((members, mut running)), Some(data)) =
            (known, facts.data.iter_mut().find(|data| data.node == node.to_string()))
        {
            running.retain(|member| member != node);
            data.members = members;
            data.outlived_by = running;
        }
        facts.units.insert(BROKER_UNIT.to_owned(), unit);
        facts.broker = BrokerState::Down;
    });
    not_running(facts, node);
}

fn not_running(facts: &mut Facts, gone: &NodeName) {
    each_node(facts, |node| {
        node.running.retain(|member| member != gone);
        node.links.retain(|link| link != gone);
    });
}

fn forget(facts: &mut Facts, gone: &NodeName) {
    not_running(facts, gone);
    each_node(facts, |node| {
        if &node.name == gone {
            return;
        }
        node.members.retain(|member| &member.node != gone);
    });
    release(facts, gone);
}

fn release(facts: &mut Facts, gone: &NodeName) {
    each_node(facts, |node| {
        if &node.name == gone {
            return;
        }
        for queue in &mut node.queues {
            queue.replicas.retain(|replica| replica != gone);
            queue.in_sync.retain(|replica| replica != gone);
            if queue.leader.as_ref() == Some(gone) {
                queue.leader = queue.in_sync.first().cloned();
            }
        }
        node.queues.retain(|queue| !queue.replicas.is_empty());
    });
}

/// The stopped node remembers the members that its new peer knows.
fn follow(facts: &mut Facts, host: &HostName, node: &NodeName, peer: &NodeName) {
    let members = facts.host(peer.host()).and_then(HostFacts::node).map(|peer| peer.members.clone());
    on_host(facts, host, |facts| {
        if let Some(data) = facts.data.iter_mut().find(|data| data.node == node.to_string()) {
            data.members = members.unwrap_or_default();
        }
        facts.units.insert(BROKER_UNIT.to_owned(), stopped_unit());
        facts.broker = BrokerState::Down;
    });
}

fn grow(facts: &mut Facts, onto: &NodeName, queues: &[QueueRef]) {
    each_node(facts, |node| {
        for known in node.queues.iter_mut().filter(|known| queues.iter().any(|queue| is(known, queue))) {
            if !known.replicas.contains(onto) {
                known.replicas.push(onto.clone());
                known.in_sync.push(onto.clone());
            }
        }
    });
}

fn is(known: &QueueFacts, queue: &QueueRef) -> bool {
    known.vhost == queue.vhost && known.name == queue.name
}

/// Each queue is led by that of its replicas which leads the fewest so far.
fn rebalance(facts: &mut Facts) {
    each_node(facts, |node| {
        let mut led: std::collections::BTreeMap<NodeName, usize> = std::collections::BTreeMap::new();
        let running = node.running.clone();
        // Those with the least choice choose first.
        let mut queues: Vec<&mut QueueFacts> = node.queues.iter_mut().collect();
        queues.sort_by_key(|queue| queue.in_sync.len());
        for queue in queues {
            let candidates = queue.in_sync.iter().filter(|replica| running.contains(replica));
            if let Some(least) = candidates.min_by_key(|replica| led.get(*replica).copied().unwrap_or(0)) {
                *led.entry(least.clone()).or_default() += 1;
                queue.leader = Some(least.clone());
            }
        }
    });
}

fn switch(facts: &mut Facts, balancer: &HostName, server: &HostName, to: Service) {
    on_host(facts, balancer, |facts| {
        let backends = facts.load_balancer.iter_mut().flat_map(|balancer| &mut balancer.backends);
        for backend in backends.filter(|backend| backend.server == server.as_str()) {
            backend.status = match to {
                Service::Out => "MAINT".to_owned(),
                Service::In | Service::InAnyway => "UP".to_owned(),
            };
        }
    });
}
