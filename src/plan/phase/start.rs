use super::{Draft, vain_boot};
use crate::cluster::health::broker::failing;
use crate::cluster::view::{self, Forgotten};
use crate::facts::{BrokerState, ClusterMember, UnitFacts};
use crate::inventory::Host;
use crate::model::{Next, NodeType};
use crate::operation::{StartApp, StartBroker, StartUnit};
use crate::plan::{Change, Pass, Proposal, RefusalKind, StepId};
use crate::playbook::{Minutes, Phase};
use crate::rabbitmq::BROKER_UNIT;

/// Starts the stopped brokers, except for the blank ones that enter the cluster at their first start: those
/// belong to the phase `join`. Nodes with data start unchanged, all at once, because the members
/// of a stopped cluster wait for each other. Those whose boot waits in vain are stopped before.
pub fn plan(draft: &mut Draft<'_>, patience: Minutes) {
    let interrupted = vain_boot::plan(draft);
    let mut brokers = draft.brokers();
    brokers.sort_by_key(|host| (was_ram(draft, host), host.name != draft.anchor));
    for host in brokers {
        let Some(facts) = draft.host(&host.name) else { continue };
        let (unit, broker) = (facts.unit(BROKER_UNIT), facts.broker.clone());
        match broker {
            BrokerState::Down | BrokerState::AppStopped | BrokerState::Unknown(_)
                if refuse_forgotten(draft, host) => {}
            BrokerState::Down if interrupted.iter().any(|(name, _)| *name == host.name) => {
                let stops = interrupted.iter().map(|(_, step)| step.clone()).collect();
                propose(draft, host, "its boot was interrupted", stops, patience);
            }
            BrokerState::Down if !draft.enters_at_first_start(host) => start(draft, host, patience),
            // While systemd still starts it, it boots or waits for its peers: start_app would exit with 0 and do nothing.
            // While it is being stopped, systemd starts it once it is down.
            BrokerState::AppStopped | BrokerState::Unknown(_) if is_changing(&unit) => {
                start(draft, host, patience);
            }
            BrokerState::AppStopped => start_app(draft, host, patience),
            BrokerState::Unknown(why) => draft.refuse(
                &host.name,
                RefusalKind::NodeSilent,
                format!("{} runs but does not answer", host.node()),
                why,
                Next::say("this shows what is wrong with it, and the first lines of its log that say why:")
                    .rabbitup("doctor"),
            ),
            // It still answers, but is about to stop.
            BrokerState::Running(_) if unit.active == STOPPING => start(draft, host, patience),
            BrokerState::Running(_) if !unit.is_enabled() && unit.exists => enable(draft, host),
            // `phase::unsupported` has refused the whole plan.
            BrokerState::Unsupported(_)
            | BrokerState::Running(_)
            | BrokerState::CookieRefused
            | BrokerState::Down => {}
        }
    }
}

/// Refuses to start a node that its cluster has forgotten, since that fails after minutes. If this is unknown, the plan notes
/// the risk.
fn refuse_forgotten(draft: &mut Draft<'_>, host: &Host) -> bool {
    let anchor = draft.desired.host(&draft.anchor).filter(|anchor| anchor.name != host.name);
    let seed = anchor.and_then(|anchor| draft.observed.host(&anchor.name)?.node()).cloned();
    // Data that this plan moves aside does not count.
    let has_data = draft.host(&host.name).is_some_and(|facts| facts.data_of(&host.node()).is_some());
    let Some(seed) = seed.filter(|_| has_data) else { return false };
    let (node, name) = (host.node(), &host.name);
    let Some(forgotten) = view::forgotten(draft.desired, draft.observed, host, &seed) else { return false };
    if forgotten == Forgotten::Unknown {
        if draft.options.pass == Pass::Before {
            let text = format!(
                "{} does not list {node}, which has data here: if {node} was once a member, its start fails, and rabbitup run \
                 recover-node node={name} brings it back",
                seed.name
            );
            draft.note(name, text);
        }
        return false;
    }
    draft.refuse(
        name,
        RefusalKind::NodeForgotten,
        format!("{node} cannot start: {} no longer lists it as a member", seed.name),
        format!("it was forgotten while it was away: {forgotten}"),
        Next::say("this moves its data aside and brings it back:")
            .rabbitup(format!("run recover-node node={name}"))
            .also("or leave it out, and remove its host from the inventory:")
            .rabbitup(format!("run remove-node node={name}")),
    );
    true
}

/// systemd's state of a unit that is being stopped.
const STOPPING: &str = "deactivating";

fn is_changing(unit: &UnitFacts) -> bool {
    ["activating", STOPPING].contains(&unit.active.as_str())
}

fn start(draft: &mut Draft<'_>, host: &Host, patience: Minutes) {
    let node = host.node();
    let Some(facts) = draft.host(&host.name) else { return };
    let failing = failing(facts).map(|how| format!("it {how}"));
    let reason = match facts.broker {
        _ if facts.unit(BROKER_UNIT).active == STOPPING => "it is being stopped",
        BrokerState::AppStopped | BrokerState::Unknown(_) => "it is starting, and may wait for the others",
        _ if facts.data_of(&node).is_some() => "it does not run",
        _ => "it has never run",
    };
    // A RAM node copies its tables from a running disc node, and two that start together do not recognise each other.
    let mut before = if was_ram(draft, host) { draft.last_on_brokers(&[Phase::Start]) } else { Vec::new() };
    before.extend(proof(draft, host));
    propose(draft, host, failing.unwrap_or_else(|| reason.to_owned()), before, patience);
}

/// The start that shows whether this node's new files work, if it can be waited for. Members of a cluster that is
/// entirely down wait for each other: they get their files together, and none serves meanwhile anyway.
fn proof(draft: &Draft<'_>, host: &Host) -> Option<StepId> {
    draft.held_back(&host.name).next()?;
    let is_blank = draft.host(&host.name).is_some_and(|facts| facts.data_of(&host.node()).is_none());
    let some_serve = draft
        .brokers()
        .iter()
        .any(|broker| draft.observed.host(&broker.name).is_some_and(|seen| seen.node().is_some()));
    if is_blank || some_serve { draft.proof() } else { None }
}

/// The step that starts a broker for any reason, after the files that it reads then.
pub(super) fn propose(
    draft: &mut Draft<'_>,
    host: &Host,
    reason: impl Into<String>,
    after: Vec<StepId>,
    patience: Minutes,
) {
    let (node, names, patience_s) = (host.node(), draft.desired.cluster.names, patience.seconds());
    let title = format!("start {node}");
    draft.place_files(&host.name, &after);
    draft.propose(
        Proposal::new(&host.name, "start", Change::Command, StartBroker { node, names, patience_s })
            .title(title)
            .because(reason)
            .after(after)
            .within(720 + patience_s),
    );
}

/// Whether the node was a RAM node when it stopped.
fn was_ram(draft: &Draft<'_>, host: &Host) -> bool {
    let node = host.node();
    let noted = draft.observed.host(&host.name).and_then(|seen| seen.data_of(&node));
    let is_ram = |member: &ClusterMember| member.node == node && member.node_type == NodeType::Ram;
    noted.is_some_and(|data| data.members.iter().any(is_ram))
}

fn start_app(draft: &mut Draft<'_>, host: &Host, patience: Minutes) {
    let node = host.node();
    let names = draft.desired.cluster.names;
    let operation = StartApp { node: node.clone(), names, patience_s: patience.seconds() };
    draft.propose(
        Proposal::new(&host.name, "start-app", Change::Command, operation)
            .title(format!("start RabbitMQ in the running Erlang VM of {node}"))
            .because("it was stopped there (stop_app)")
            .within(360 + patience.seconds()),
    );
}

fn enable(draft: &mut Draft<'_>, host: &Host) {
    let unit = BROKER_UNIT.to_owned();
    draft.propose(
        Proposal::new(&host.name, "enable", Change::Change, StartUnit { unit })
            .title("start rabbitmq-server at every boot")
            .because("the unit is not enabled"),
    );
}
