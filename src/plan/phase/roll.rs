//! How one running broker is taken out of service and brought back, whatever is done to it in between.

use super::Draft;
use crate::balancer::Software;
use crate::cluster::phrases::listed;
use crate::cluster::view;
use crate::cluster::view::Disagreement;
use crate::facts::{HostFacts, MetadataStore, QueueFacts, QueueKind};
use crate::inventory::Host;
use crate::model::{HostName, NodeName, Role};
use crate::operation::{Gate, Operation, PackageChoice, RestartBroker, Service, SwitchServer, UpgradeBroker};
use crate::plan::{Change, Proposal, StepId, Strangers};
use crate::playbook::{Answer, Minutes, Phase};

/// What is done to a broker that is out of service.
pub(super) enum Work {
    Restart,
    Upgrade(Vec<PackageChoice>),
}

/// Rolls one broker: out of the balancers, drained, stopped, worked on, started, in sync, back into the balancers. It
/// waits for whatever broker the plan rolls before it, so that never two are out at once.
pub(super) fn roll(draft: &mut Draft<'_>, host: &Host, work: Work, reason: &str, patience: Minutes) {
    if draft.host(&host.name).is_some_and(|facts| facts.staged_cookie.is_some()) {
        return refuse_rotating(draft, host);
    }
    let mut gate = match gate(draft, host) {
        Ok(gate) => gate,
        Err(found) => return refuse(draft, host, &work, &found),
    };
    let needed = if gate == Gate::None { Vec::new() } else { never_spared(draft, host) };
    let mut cost = String::new();
    if !needed.is_empty() {
        if draft.options.arguments.gap != Some(Answer::Yes) {
            return refuse_needed(draft, host, &needed);
        }
        gate = Gate::Drain;
        cost = format!("; until it is back, 10 to 30 s as a rule, {}", told(&needed));
    }
    let mut before = turn(draft);
    before.extend(draft.place_files(&host.name, &before));
    // The balancer goes along with a broker that --limit names, and only with such a one.
    let spared = gate != Gate::None && draft.options.limit.covers(&host.name);
    let balancers = if spared { balancers(draft, host) } else { Vec::new() };
    for balancer in &balancers {
        switch(draft, balancer, &host.name, Service::Out, reason, before.clone());
    }
    let out = draft.last_of(&balancers.iter().collect::<Vec<_>>(), &[draft.phase]);
    let (node, names, patience_s) = (host.node(), draft.desired.cluster.names, patience.seconds());
    let (what, change, title, operation, seconds): (_, _, _, Operation, _) = match work {
        Work::Restart => {
            let operation = RestartBroker { node: node.clone(), names, gate, patience_s };
            ("restart", Change::Restart, format!("restart {node}{}", manner(gate)), operation.into(), 1080)
        }
        Work::Upgrade(packages) => {
            let to: Vec<String> = packages.iter().filter_map(|package| package.version.clone()).collect();
            let title = format!("upgrade {node} to {}{}", to.join(", "), manner(gate));
            let operation = UpgradeBroker {
                node: node.clone(),
                names,
                gate,
                packages,
                keys: draft.desired.package.keys.clone(),
                patience_s,
            };
            ("upgrade", Change::Restart, title, operation.into(), 2880)
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
        switch(draft, balancer, &host.name, Service::In, "it serves again", done.clone());
    }
}

fn manner(gate: Gate) -> &'static str {
    match gate {
        Gate::None => "",
        Gate::Drain => ", drained before, with a gap: it is one of two",
        Gate::QuorumCritical => ", drained before and in sync after",
    }
}

/// What must have ended before a broker may be taken out of service: the starts, and the roll before this one.
pub(super) fn turn(draft: &Draft<'_>) -> Vec<StepId> {
    let mut ids = draft.last_on_brokers(&[Phase::Start, Phase::Service, Phase::RotateCookie]);
    let works = |operation: &Operation| {
        matches!(
            operation,
            Operation::RestartBroker(_) | Operation::UpgradeBroker(_) | Operation::EnableFeatureFlags(_)
        )
    };
    // The switches behind the last roll end after it, whichever balancer is the slowest.
    if let Some(at) = draft.steps.iter().rposition(|step| works(&step.operation)) {
        ids.extend(draft.steps[at..].iter().map(|step| step.id.clone()));
    }
    ids
}

/// What must be asked before the node stops. A member of a cluster that is not whole is not stopped at all.
pub(super) fn gate(draft: &Draft<'_>, host: &Host) -> Result<Gate, Vec<Disagreement>> {
    let Some(node) = draft.host(&host.name).and_then(HostFacts::node) else { return Ok(Gate::None) };
    if node.is_alone() {
        return Ok(Gate::None);
    }
    let mut found = view::disagreements(draft.desired, &draft.facts, node);
    if matches!(draft.options.strangers, Strangers::Remove { .. }) {
        // A stranger that is down is what this very run removes.
        let known: Vec<NodeName> = draft.desired.brokers().map(Host::node).collect();
        found.retain(|it| !matches!(it, Disagreement::Down(node) if !known.contains(node)));
    }
    if found.is_empty() { Ok(Gate::QuorumCritical) } else { Err(found) }
}

/// What has no majority without a node, for as long as the node is away.
enum Need {
    /// Khepri is a Raft store, and the cluster has two members.
    Metadata,
    /// So is what places streams and elects their leaders; it is there once a stream was declared.
    StreamCoordinator,
    /// Quorum queues and streams that have two replicas, one of them on this node.
    Queues(Vec<String>),
}

impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Metadata => f.write_str(
                "nothing in the whole cluster can be declared, bound or changed (Khepri needs a majority, and one of two is \
                 none)",
            ),
            Self::StreamCoordinator => f.write_str("no stream can be declared or gets another leader"),
            Self::Queues(names) => {
                let more = if names.len() > 5 { " and more" } else { "" };
                write!(f, "nobody is served by {}{more}", listed(names.iter().take(5)))
            }
        }
    }
}

fn told(needs: &[Need]) -> String {
    needs.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What this node is never spared by, however long one waits: RabbitMQ's own check counts the same
/// (rabbit_upgrade_preparation, `list_with_minimum_quorum` and `endangered_critical_components`; Khepri's store, named
/// `rabbitmq_metadata`, from 4.0 on).
fn never_spared(draft: &Draft<'_>, host: &Host) -> Vec<Need> {
    let Some(node) = draft.host(&host.name).and_then(HostFacts::node) else { return Vec::new() };
    let of_two = node.members.len() == 2;
    let is_one_of_two = |queue: &&QueueFacts| {
        queue.kind.is_replicated() && queue.replicas.len() == 2 && queue.replicas.contains(&node.name)
    };
    let queues: Vec<String> =
        node.queues.iter().filter(is_one_of_two).map(|queue| queue.name.clone()).collect();
    let has_streams = node.queues.iter().any(|queue| queue.kind == QueueKind::Stream);
    let metadata = (of_two && node.metadata_store == MetadataStore::Khepri).then_some(Need::Metadata);
    let coordinator = (of_two && has_streams).then_some(Need::StreamCoordinator);
    let queues = (!queues.is_empty()).then_some(Need::Queues(queues));
    [metadata, coordinator, queues].into_iter().flatten().collect()
}

fn refuse_needed(draft: &mut Draft<'_>, host: &Host, needs: &[Need]) {
    let only_queues = needs.iter().all(|need| matches!(need, Need::Queues(_)));
    let (both, better) = if only_queues {
        (
            "queues or streams with two replicas need both",
            "rabbitup run grow-queues gives them a third replica, where there is a third node",
        )
    } else {
        ("a cluster of two members needs both", "a third broker ends this")
    };
    let what = format!("{} cannot be taken out of service: {both}", host.node());
    let why = format!("while it is away, {}", told(needs));
    let advice = format!("{better}; rabbitup run {} gap=yes does it anyway", draft.playbook);
    // What else a bring-up has to do is not held up by a node that runs on with what it read when it started.
    if draft.phase == Phase::Restart {
        return draft.note(
            &host.name,
            format!("{what}, so it runs on with what it read at its start: {why}; {advice}"),
        );
    }
    draft.refuse(&host.name, what, why, advice);
}

fn refuse_rotating(draft: &mut Draft<'_>, host: &Host) {
    draft.refuse(
        &host.name,
        format!("{} must not stop in the middle of a rotation of the cookie", host.node()),
        "a new cookie is staged on its host, so a run of rotate-cookie did not end",
        "rabbitup run rotate-cookie goes on, with back=yes it goes back",
    );
}

fn refuse(draft: &mut Draft<'_>, host: &Host, work: &Work, found: &[Disagreement]) {
    let verb = match work {
        Work::Restart => "restarted",
        Work::Upgrade(_) => "upgraded",
    };
    draft.refuse(
        &host.name,
        format!("{} cannot safely be {verb} now", host.node()),
        view::told(found),
        "bring the cluster together first; rabbitup status shows who sees what",
    );
}

/// The load balancers that can be told at run time to spare a server: those that know it and run. One that cannot be told
/// turns to another server when the drained broker refuses its connection.
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

/// Tells one load balancer to spare a server, or to use it again.
pub(super) fn switch(
    draft: &mut Draft<'_>,
    balancer: &HostName,
    server: &HostName,
    to: Service,
    reason: &str,
    after: Vec<StepId>,
) {
    let (what, title) = match to {
        // What an interrupted run left spared may be taken out again in the same plan, and put back behind that.
        Service::In if draft.phase == Phase::Service => {
            (format!("back-{server}"), format!("put {server} back into the balancer"))
        }
        Service::Out => (format!("out-{server}"), format!("take {server} out of the balancer")),
        Service::In | Service::InAnyway => {
            (format!("in-{server}"), format!("put {server} back into the balancer"))
        }
    };
    let Some(software) = told_at_run_time(draft) else { return };
    draft.propose(
        Proposal::new(
            balancer,
            &what,
            Change::Command,
            SwitchServer { software, server: server.clone(), to },
        )
        .title(title)
        .because(reason)
        .after(after)
        .within(90),
    );
}
