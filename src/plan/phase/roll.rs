//! How one running broker is taken out of service and brought back, for a restart or an upgrade.

use std::collections::BTreeMap;

use super::{Draft, moved_listeners};
use crate::balancer::Software;
use crate::cluster::phrases::listed;
use crate::cluster::view;
use crate::cluster::view::Disagreement;
use crate::facts::{HostFacts, MetadataStore, QueueFacts, QueueKind};
use crate::inventory::Host;
use crate::model::{Advice, HostName, Next, NodeName, Role};
use crate::operation::{
    BalancerState, Moved, Operation, PackageChoice, RestartBroker, StopCheck, SwitchServer, UpgradeBroker,
};
use crate::plan::{Change, Proposal, RefusalKind, StepId, UnknownMembers};
use crate::platform::LOCK_PATIENCE_S;
use crate::playbook::{Answer, Minutes, Phase};

/// What is done to a broker while it is out of service.
pub(super) enum RollKind {
    Restart,
    Upgrade(Vec<PackageChoice>),
}

/// Rolls one broker: out of the balancers, drained, stopped, changed, started, in sync, back into the balancers. It
/// waits for the broker that the plan rolls before it, so that two are never out at once.
pub(super) fn roll(draft: &mut Draft<'_>, host: &Host, work: RollKind, reason: &str, patience: Minutes) {
    if draft.host(&host.name).is_some_and(|facts| facts.staged_cookie.is_some()) {
        return refuse_rotating(draft, host);
    }
    let mut stop_check = match stop_check(draft, host) {
        Ok(stop_check) => stop_check,
        Err(found) => return refuse(draft, host, &work, &found),
    };
    let needed = if stop_check == StopCheck::None { Vec::new() } else { never_spared(draft, host) };
    let mut cost = String::new();
    if !needed.is_empty() {
        if draft.options.arguments.gap != Some(Answer::Yes) {
            return refuse_needed(draft, host, &needed);
        }
        stop_check = StopCheck::Drain;
        cost = format!("; until it is back, usually 10 to 30 s, {}", told(&needed));
    }
    let mut before = turn(draft);
    before.extend(draft.place_files(&host.name, &before));
    // The balancer is switched for brokers within --limit, and only for those.
    let spared = stop_check != StopCheck::None && draft.options.limit.covers(&host.name);
    let balancers = if spared { balancers(draft, host) } else { Vec::new() };
    let prepared = moved_listeners::prepare(draft, host, &balancers, &before);
    before.extend(prepared);
    for balancer in &balancers {
        switch(draft, balancer, &host.name, BalancerState::Out, BTreeMap::new(), reason, before.clone());
    }
    let out = draft.last_of(&balancers.iter().collect::<Vec<_>>(), &[draft.phase]);
    let (node, names, patience_s) = (host.node(), draft.desired.cluster.names, patience.seconds());
    let (what, change, title, operation, seconds): (_, _, _, Operation, _) = match work {
        RollKind::Restart => {
            let operation = RestartBroker { node: node.clone(), names, stop_check, patience_s };
            (
                "restart",
                Change::Restart,
                format!("restart {node}{}", manner(stop_check)),
                operation.into(),
                1080,
            )
        }
        RollKind::Upgrade(packages) => {
            let to: Vec<String> = packages.iter().filter_map(|package| package.version.clone()).collect();
            let title = format!("upgrade {node} to {}{}", to.join(", "), manner(stop_check));
            let operation = UpgradeBroker {
                node: node.clone(),
                names,
                stop_check,
                packages,
                keys: draft.desired.package.keys.clone(),
                patience_s,
            };
            ("upgrade", Change::Restart, title, operation.into(), 2880 + LOCK_PATIENCE_S)
        }
    };
    let proposal = Proposal::new(&host.name, what, change, operation)
        .title(title)
        .because(format!("{reason}{cost}"))
        .after(before.into_iter().chain(out))
        .within(seconds + 4 * patience.seconds());
    draft.propose(proposal);
    let done = draft.last_of(&[&host.name], &[draft.phase]);
    for balancer in &balancers {
        let moved = moved_listeners::after_restart(draft, balancer, host);
        switch(draft, balancer, &host.name, BalancerState::In, moved, "it serves again", done.clone());
    }
}

fn manner(stop_check: StopCheck) -> &'static str {
    match stop_check {
        StopCheck::None => "",
        StopCheck::Drain => ", drained before, with a gap: it is one of two",
        StopCheck::QuorumCritical => ", drained before and in sync after",
    }
}

/// What must be done before a broker may be taken out of service: the starts, and the previous roll.
pub(super) fn turn(draft: &Draft<'_>) -> Vec<StepId> {
    let mut ids = draft.last_on_brokers(&[Phase::Start, Phase::Service, Phase::RotateCookie]);
    let works = |operation: &Operation| {
        matches!(
            operation,
            Operation::RestartBroker(_) | Operation::UpgradeBroker(_) | Operation::EnableFeatureFlags(_)
        )
    };
    // The balancer steps after the last roll: this waits for the slowest of them.
    if let Some(at) = draft.steps.iter().rposition(|step| works(&step.operation)) {
        ids.extend(draft.steps[at..].iter().map(|step| step.id.clone()));
    }
    ids
}

/// The check before the node stops. A member of an incomplete cluster is not stopped at all.
pub(super) fn stop_check(draft: &Draft<'_>, host: &Host) -> Result<StopCheck, Vec<Disagreement>> {
    let Some(node) = draft.host(&host.name).and_then(HostFacts::node) else { return Ok(StopCheck::None) };
    if node.is_alone() {
        return Ok(StopCheck::None);
    }
    let mut found = view::disagreements(draft.desired, &draft.facts, node);
    if matches!(draft.options.unknown_members, UnknownMembers::Remove { .. }) {
        // This run removes unknown members that are down.
        let known: Vec<NodeName> = draft.desired.brokers().map(Host::node).collect();
        found.retain(|it| !matches!(it, Disagreement::Down(node) if !known.contains(node)));
    }
    if found.is_empty() { Ok(StopCheck::QuorumCritical) } else { Err(found) }
}

/// What has no majority while a node is away.
enum WithoutMajority {
    /// Khepri is a Raft store, and the cluster has two members.
    Metadata,
    /// So is the stream coordinator, which places streams and elects their leaders; it exists once a stream was declared.
    StreamCoordinator,
    /// Quorum queues and streams with two replicas, one of them on this node.
    Queues(Vec<String>),
}

impl std::fmt::Display for WithoutMajority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Metadata => f.write_str(
                "nothing in the cluster can be declared, bound or changed (Khepri needs a majority, and one of two is \
                 not one)",
            ),
            Self::StreamCoordinator => f.write_str("no stream can be declared or elect a leader"),
            Self::Queues(names) => {
                let more = if names.len() > 5 { " and more" } else { "" };
                write!(f, "no client is served by {}{more}", listed(names.iter().take(5)))
            }
        }
    }
}

fn told(needs: &[WithoutMajority]) -> String {
    needs.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What always needs this node, however long one waits: RabbitMQ's own check counts the same
/// (rabbit_upgrade_preparation, `list_with_minimum_quorum` and `endangered_critical_components`; Khepri's store, named
/// `rabbitmq_metadata`, from 4.0 on).
fn never_spared(draft: &Draft<'_>, host: &Host) -> Vec<WithoutMajority> {
    let Some(node) = draft.host(&host.name).and_then(HostFacts::node) else { return Vec::new() };
    let of_two = node.members.len() == 2;
    let queues: Vec<String> = node
        .queues
        .iter()
        .filter(|queue| is_one_of_two(queue, &node.name))
        .map(|queue| queue.name.clone())
        .collect();
    let has_streams = node.queues.iter().any(|queue| queue.kind == QueueKind::Stream);
    let metadata =
        (of_two && node.metadata_store == MetadataStore::Khepri).then_some(WithoutMajority::Metadata);
    let coordinator = (of_two && has_streams).then_some(WithoutMajority::StreamCoordinator);
    let queues = (!queues.is_empty()).then_some(WithoutMajority::Queues(queues));
    [metadata, coordinator, queues].into_iter().flatten().collect()
}

fn refuse_needed(draft: &mut Draft<'_>, host: &Host, needs: &[WithoutMajority]) {
    let only_queues = needs.iter().all(|need| matches!(need, WithoutMajority::Queues(_)));
    let both = match only_queues {
        true => "queues or streams with two replicas need both",
        false => "a cluster of two members needs both",
    };
    let what = format!("{} cannot be taken out of service: {both}", host.node());
    let why = format!("while it is away, {}", told(needs));
    let grows = only_queues && can_grow(draft, host);
    // The other steps of a bring-up are not blocked by a node that keeps running with its old files.
    if draft.phase == Phase::Restart {
        let better = match grows {
            true => "rabbitup run grow-queues adds a third replica",
            false if only_queues => "give them a third replica on another broker",
            false => "add a third broker",
        };
        return draft.note(
            &host.name,
            format!(
                "{what}, so it keeps running with the files that it read at its start: {why}; {better}; rabbitup run {} gap=yes \
                 accepts this",
                draft.playbook
            ),
        );
    }
    let better = match grows {
        true => Next::say("this adds their third replica:").rabbitup("run grow-queues"),
        false if only_queues => Next::say("give them a third replica on another broker"),
        false => Next::say("add a third broker to the inventory"),
    };
    let accepted = match draft.playbook {
        // `up` takes no values.
        "bring-up" => Advice::Rabbitup("run bring-up gap=yes".to_owned()),
        _ => Advice::Command(format!("{} gap=yes", draft.options.command)),
    };
    let next = better.also("or accept what is unavailable until it is back:").and(accepted);
    draft.refuse(&host.name, RefusalKind::NeverSpared, what, why, next);
}

/// Whether `grow-queues` would give each of these queues another replica: there is a member without, and the queue is to have more.
fn can_grow(draft: &Draft<'_>, host: &Host) -> bool {
    let Some(node) = draft.host(&host.name).and_then(HostFacts::node) else { return false };
    let mut these = node.queues.iter().filter(|queue| is_one_of_two(queue, &node.name)).peekable();
    these.peek().is_some() && these.all(|queue| queue.lacks(&node.members) > 0)
}

/// Whether a replicated queue has two replicas, one of them on this node.
fn is_one_of_two(queue: &QueueFacts, node: &NodeName) -> bool {
    queue.kind.is_replicated() && queue.replicas.len() == 2 && queue.replicas.contains(node)
}

fn refuse_rotating(draft: &mut Draft<'_>, host: &Host) {
    draft.refuse(
        &host.name,
        RefusalKind::RotationUnfinished,
        format!("{} must not stop during a cookie rotation", host.node()),
        "a new cookie is staged on its host, so a run of rotate-cookie did not finish",
        Next::say("this completes it:")
            .rabbitup("run rotate-cookie")
            .also("or this reverts it:")
            .rabbitup("run rotate-cookie back=yes"),
    );
}

fn refuse(draft: &mut Draft<'_>, host: &Host, work: &RollKind, found: &[Disagreement]) {
    let verb = match work {
        RollKind::Restart => "restarted",
        RollKind::Upgrade(_) => "upgraded",
    };
    draft.refuse(
        &host.name,
        RefusalKind::ClusterIncomplete,
        format!("{} cannot safely be {verb} now", host.node()),
        view::told(found),
        Next::say("repair the cluster first; this shows what is wrong with it:").rabbitup("doctor"),
    );
}

/// The load balancers that can disable a server at run time: those that list it and run. A balancer without that interface
/// uses another server when the drained broker refuses its connection.
pub(super) fn balancers(draft: &Draft<'_>, broker: &Host) -> Vec<HostName> {
    let Some(software) = told_at_run_time(draft) else { return Vec::new() };
    let unit = software.balancer().unit;
    let knows = |host: &&Host| {
        let Some(facts) = draft.host(&host.name).filter(|facts| facts.unit(unit).is_active()) else {
            return false;
        };
        let backends = facts.load_balancer.as_ref().map(|balancer| balancer.backends.as_slice());
        backends.unwrap_or_default().iter().any(|backend| backend.server == broker.name.as_str())
    };
    draft.desired.with_role(Role::LoadBalancer).filter(knows).map(|host| host.name.clone()).collect()
}

fn told_at_run_time(draft: &Draft<'_>) -> Option<Software> {
    let software = draft.desired.load_balancer.as_ref()?.software;
    software.balancer().runtime.as_ref().map(|_| software)
}

/// Disables or enables a server in one load balancer.
pub(super) fn switch(
    draft: &mut Draft<'_>,
    balancer: &HostName,
    server: &HostName,
    to: BalancerState,
    moved: BTreeMap<String, Moved>,
    reason: &str,
    after: Vec<StepId>,
) {
    let (what, title) = match to {
        // A server that an interrupted run left disabled may be disabled again in the same plan, and enabled after that.
        BalancerState::In if draft.phase == Phase::Service => {
            (format!("back-{server}"), format!("put {server} back into the balancer"))
        }
        BalancerState::Out => (format!("out-{server}"), format!("take {server} out of the balancer")),
        BalancerState::In | BalancerState::InAnyway => {
            (format!("in-{server}"), format!("put {server} back into the balancer{}", places(&moved)))
        }
    };
    let Some(software) = told_at_run_time(draft) else { return };
    draft.propose(
        Proposal::new(
            balancer,
            &what,
            Change::Command,
            SwitchServer { software, server: server.clone(), to, moved },
        )
        .title(title)
        .because(reason)
        .after(after)
        .within(moved_listeners::SWITCH_S),
    );
}

/// `, on port 5673`.
fn places(moved: &BTreeMap<String, Moved>) -> String {
    let ports: Vec<u16> = moved
        .values()
        .filter_map(|moved| match moved {
            Moved::To { port, .. } => Some(*port),
            Moved::Later => None,
        })
        .collect();
    let word = if ports.len() == 1 { "port" } else { "ports" };
    if ports.is_empty() { String::new() } else { format!(", on {word} {}", listed(&ports)) }
}
