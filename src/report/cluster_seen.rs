//! A cluster in boxes: what a picture says of each host and shared address.

use super::status::{Row, State, Status};
use crate::cluster::Severity;
use crate::cluster::health::load_balancer::{ServerState, server_state, serves};
use crate::cluster::phrases::whole;
use crate::cluster::virtual_address::{Holding, holdings};
use crate::facts::Backend;
use crate::history::{ClusterSeen, Condition, PartSeen};
use crate::inventory::Host;
use crate::model::{HostName, Role};

impl From<&Status<'_>> for ClusterSeen {
    fn from(status: &Status<'_>) -> Self {
        let others = status
            .desired
            .hosts
            .iter()
            .filter(|host| !host.has(Role::Broker) && !host.has(Role::LoadBalancer));
        Self {
            title: status.title(),
            verdict: status.verdict().1,
            addresses: holdings(status.desired, status.facts).iter().map(address).collect(),
            balancers: status.load_balancers().map(|(host, _)| balancer(status, host)).collect(),
            brokers: status.rows().iter().map(|row| broker(status, row)).collect(),
            others: others.map(|host| other(status, host)).collect(),
        }
    }
}

/// How good a node's state is.
pub(super) fn condition_of(state: State) -> Condition {
    match state {
        State::Running => Condition::Good,
        State::Maintenance => Condition::Warning,
        State::AppStopped
        | State::CookieRefused
        | State::Down
        | State::Unknown
        | State::Failing
        | State::Unreachable
        | State::SudoFailed
        | State::NotInspected => Condition::Bad,
    }
}

/// Who holds a shared address, and how good that is.
pub(super) fn holding(holding: &Holding<'_>) -> (Condition, String) {
    let names = |hosts: &[&Host]| whole(&hosts.iter().map(|host| &host.name).collect::<Vec<_>>());
    match holding.holders.len() {
        1 => (Condition::Good, format!("held by {}", names(&holding.holders))),
        0 if holding.unknown.is_empty() => (Condition::Bad, "held by NO load balancer".to_owned()),
        0 => (Condition::Warning, format!("not known; {} did not tell", names(&holding.unknown))),
        _ => (Condition::Bad, format!("held by {} AT ONCE", names(&holding.holders))),
    }
}

fn address(held: &Holding<'_>) -> PartSeen {
    let (condition, words) = holding(held);
    PartSeen { name: held.at.to_string(), condition, lines: vec![words] }
}

fn broker(status: &Status<'_>, row: &Row<'_>) -> PartSeen {
    let version = row.node.map(|node| format!(" {}", node.rabbitmq_version)).unwrap_or_default();
    let mut lines = vec![row.host.node().to_string(), format!("{}{version}", row.state.words())];
    if let Some(node) = row.node {
        lines.push(format!("sees {} of {} nodes", node.running.len(), node.members.len()));
    }
    let seen = status.load_balancers().filter_map(|(_, seen)| seen?.load_balancer.as_ref());
    let servers = seen.flat_map(|facts| &facts.backends);
    lines.extend(up(servers.filter(|backend| backend.server == row.host.name.as_str())));
    let condition = match row.state {
        State::Running if row.node.is_some_and(|node| node.running.len() < node.members.len()) => {
            Condition::Bad
        }
        State::Running if has_error(status, &row.host.name) => Condition::Bad,
        state => condition_of(state),
    };
    PartSeen { name: row.host.name.to_string(), condition, lines }
}

/// Whether an error was found there: a picture that says all is well beside it would be wrong.
fn has_error(status: &Status<'_>, host: &HostName) -> bool {
    let mut errors = status.findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.any(|error| error.problem.host.as_ref() == Some(host))
}

/// How many of these servers of load balancers are up; none if there are none.
fn up<'a>(servers: impl Iterator<Item = &'a Backend>) -> Option<String> {
    let states: Vec<ServerState> = servers.map(server_state).collect();
    let up = states.iter().filter(|state| **state == ServerState::Up).count();
    (!states.is_empty()).then(|| format!("{up} of {} backends up", states.len()))
}

fn balancer(status: &Status<'_>, host: &Host) -> PartSeen {
    let seen = status.facts.host(&host.name);
    let (condition, words) = match seen {
        None => (Condition::Bad, "not inspected"),
        Some(seen) if serves(seen) && has_error(status, &host.name) => (Condition::Warning, "serves clients"),
        Some(seen) if serves(seen) => (Condition::Good, "serves clients"),
        Some(seen) if seen.load_balancer.is_none() => (Condition::Bad, "does not run"),
        Some(_) => (Condition::Bad, "does not serve"),
    };
    let servers = seen.and_then(|seen| seen.load_balancer.as_ref()).map(|facts| &facts.backends);
    let lines = ["load balancer".to_owned(), words.to_owned()];
    let lines = lines.into_iter().chain(servers.and_then(|servers| up(servers.iter()))).collect();
    PartSeen { name: host.name.to_string(), condition, lines }
}

fn other(status: &Status<'_>, host: &Host) -> PartSeen {
    let (condition, words) = match status.facts.host(&host.name) {
        Some(_) => (Condition::Good, "answers"),
        None => (Condition::Bad, "not inspected"),
    };
    let roles = host.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
    PartSeen { name: host.name.to_string(), condition, lines: vec![roles, words.to_owned()] }
}
