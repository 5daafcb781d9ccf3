//! Whether hosts reach the ports of each other that the plan's steps need.

use std::collections::BTreeMap;

use super::Draft;
use crate::balancer::Software;
use crate::cluster::endpoints::{distribution, endpoint};
use crate::cluster::phrases::listed;
use crate::facts::{Facts, PortState, Purpose, Reach};
use crate::firewall::Seen;
use crate::inventory::{Desired, FirewallSetting};
use crate::model::HostName;
use crate::operation::{BalancerState, Operation, Validator};
use crate::plan::openings::needed;
use crate::plan::{RefusalKind, Step, left_out};

/// Refuses a plan whose steps need a connection that something blocks. What no step needs is only noted. Runs after all phases,
/// since the steps decide.
pub fn plan(draft: &mut Draft<'_>) {
    // A machine that is away answers on no port, and that it is away was said: what depends on it is refused for that.
    let away: Vec<HostName> = left_out::hosts(draft.observed).cloned().collect();
    for host in draft.hosts() {
        let Some(facts) = draft.host(&host.name) else { continue };
        let mut blocked: BTreeMap<HostName, Vec<Reach>> = BTreeMap::new();
        for reach in &facts.reach {
            let is_blocked = matches!(reach.state, PortState::Filtered | PortState::Rejected);
            if is_blocked
                && !away.contains(&reach.peer)
                && is_used(draft, reach)
                && !will_be_opened(draft, &host.name, reach)
            {
                blocked.entry(reach.peer.clone()).or_default().push(reach.clone());
            }
        }
        for (peer, ports) in blocked {
            let (asked, idle): (Vec<Reach>, Vec<Reach>) = ports
                .into_iter()
                .partition(|reach| draft.steps.iter().any(|step| needs(step, &host.name, reach)));
            refuse(draft, &host.name, &peer, &asked);
            if !idle.is_empty() {
                let text =
                    format!("it cannot reach {peer} on {}; no step of this plan needs it", words(&idle));
                draft.note(&host.name, text);
            }
        }
    }
}

/// Whether the peer listens on that port, now or after the plan: a node that is set up otherwise than the inventory says uses
/// another one.
fn is_used(draft: &Draft<'_>, reach: &Reach) -> bool {
    let Some(peer) = draft.desired.host(&reach.peer) else { return false };
    let uses = |facts: &Facts, desired: &Desired| {
        let at = endpoint(desired, facts, peer);
        match reach.purpose {
            Purpose::Epmd => true,
            Purpose::Distribution => {
                distribution(desired, facts, peer).iter().any(|range| range.contains(reach.port))
            }
            Purpose::Amqp => at.amqp.is_some_and(|port| port.number == reach.port),
            Purpose::Management => at.management.is_some_and(|port| port.number == reach.port),
            Purpose::Offered => at.offered.values().any(|door| door.port == reach.port),
        }
    };
    uses(&draft.facts, draft.desired) || uses(draft.observed, draft.desired)
}

/// Whether a step cannot succeed without this connection: nodes that start connect in both directions.
fn needs(step: &Step, from: &HostName, reach: &Reach) -> bool {
    match reach.purpose {
        Purpose::Epmd | Purpose::Distribution => {
            let is_between = step.host == *from || step.host == reach.peer;
            is_between && step.operation.nature().broker.brings_nodes_together()
        }
        Purpose::Amqp | Purpose::Management | Purpose::Offered => {
            step.host == *from && sends_clients(&step.operation, &reach.peer)
        }
    }
}

/// Whether a balancer sends clients to this broker after the step that it did not send there before.
fn sends_clients(operation: &Operation, broker: &HostName) -> bool {
    let balances = |unit: &str| Software::of_unit(unit).is_some();
    match operation {
        Operation::SwitchServer(switch) => switch.server == *broker && switch.to == BalancerState::In,
        Operation::WriteFile(file) => matches!(file.validate, Some(Validator::Balancer(_))),
        Operation::StartUnit(start) => balances(&start.unit),
        Operation::ReloadUnit(reload) => balances(&reload.unit),
        _ => false,
    }
}

fn refuse(draft: &mut Draft<'_>, name: &HostName, peer: &HostName, ports: &[Reach]) {
    if ports.is_empty() {
        return;
    }
    let rejected = ports.iter().any(|reach| reach.state == PortState::Rejected);
    let evidence =
        if rejected { "the connection was rejected on the way" } else { "no answer within a second" };
    draft.refuse(
        name,
        RefusalKind::PortBlocked,
        format!("{peer} cannot be reached on {}", words(ports)),
        format!("{evidence}, neither open nor refused: a firewall, or no route between the two"),
        advice(draft.desired.firewall, name, peer, ports),
    );
}

/// `port 25679 (Erlang distribution)`.
fn words(ports: &[Reach]) -> String {
    let word = if ports.len() == 1 { "port" } else { "ports" };
    format!("{word} {}", listed(named(ports)))
}

fn named(ports: &[Reach]) -> Vec<String> {
    ports.iter().map(|reach| format!("{} ({})", reach.port, reach.purpose.in_words())).collect()
}

fn advice(firewall: FirewallSetting, name: &HostName, peer: &HostName, ports: &[Reach]) -> String {
    let ports = listed(named(ports));
    match firewall {
        FirewallSetting::LeftAlone => format!(
            "allow {name} to connect to {peer}: {ports}; if {peer}'s own firewall is in the way, [firewall] manage = true in \
             the inventory lets rabbitup open it"
        ),
        FirewallSetting::Managed => format!(
            "allow {name} to connect to {peer}: {ports}; no firewall on {peer} itself that rabbitup manages is in the way"
        ),
    }
}

/// Whether a firewall on the peer is in the way that the phase `firewall` opens.
fn will_be_opened(draft: &Draft<'_>, name: &HostName, reach: &Reach) -> bool {
    let (Some(from), Some(to)) = (draft.desired.host(name), draft.desired.host(&reach.peer)) else {
        return false;
    };
    if !draft.options.limit.covers(&reach.peer) {
        return false;
    }
    let needed = needed(draft.desired, draft.observed, to);
    let closed = |seen: &Seen| match seen {
        Seen::Manageable(firewall) => {
            !firewall.open().iter().any(|opening| opening.lets_in(from.address, reach.port))
                && needed.iter().any(|opening| opening.lets_in(from.address, reach.port))
        }
        // The phase itself refuses it.
        Seen::Beyond { .. } => true,
    };
    // The plan's own effect is already in the draft's facts.
    draft.observed.host(&reach.peer).is_some_and(|facts| facts.firewalls.iter().any(closed))
}
