use std::collections::BTreeSet;

use super::{Finding, Notebook, Severity};
use crate::balancer::Software;
use crate::cluster::endpoints::{endpoint, port_behind, suits};
use crate::cluster::phrases::{grouped, listed, whole};
use crate::facts::{Backend, Facts, HostFacts, Observation};
use crate::inventory::{Desired, LoadBalancer};
use crate::model::{HostName, Role, is_ours};

/// The meaning of a backend's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerState {
    Up,
    Down,
    /// Disabled: `MAINT`, `DRAIN`.
    Out,
}

pub(crate) fn server_state(backend: &Backend) -> ServerState {
    let status = backend.status.as_str();
    if status.starts_with("DOWN") || status.starts_with("NOLB") {
        ServerState::Down
    } else if backend.is_spared() {
        ServerState::Out
    } else {
        ServerState::Up
    }
}

/// Why a load balancer does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Idle {
    NotInstalled,
    Stopped,
}

/// None: it runs.
pub(crate) fn idle(software: Software, seen: &HostFacts) -> Option<Idle> {
    let unit = seen.units.get(software.balancer().unit);
    if seen.installed_balancer(software).is_none() && !unit.is_some_and(|unit| unit.exists) {
        Some(Idle::NotInstalled)
    } else if seen.load_balancer.is_none() || unit.is_some_and(|unit| !unit.is_active()) {
        Some(Idle::Stopped)
    } else {
        None
    }
}

/// Whether a load balancer works, as seen from its host.
pub(crate) fn serves(seen: &HostFacts) -> bool {
    let Some(facts) = &seen.load_balancer else { return false };
    let any_up =
        facts.backends.is_empty() || facts.backends.iter().any(|b| server_state(b) == ServerState::Up);
    facts.amqp_answers.unwrap_or(any_up)
}

/// Whether the broker on a host runs, or this is unknown.
fn broker_runs(facts: &Facts, host: &HostName) -> bool {
    match facts.hosts.get(host) {
        Some(Observation::Reached(seen)) => seen.node().is_some(),
        Some(Observation::Unreachable(_) | Observation::LeftOut) => false,
        None => true,
    }
}

/// Whether the broker on a host accepts clients.
fn broker_serves(facts: &Facts, host: &HostName) -> bool {
    facts.host(host).and_then(HostFacts::node).is_some_and(|node| !node.maintenance)
}

pub(super) fn check(desired: &Desired, facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(wanted) = &desired.load_balancer else { return };
    for host in desired.with_role(Role::LoadBalancer) {
        if let Some(seen) = facts.host(&host.name) {
            one(desired, wanted, facts, seen, &mut Notebook { host: Some(&host.name), findings });
        }
    }
}

fn one(desired: &Desired, wanted: &LoadBalancer, all: &Facts, seen: &HostFacts, notebook: &mut Notebook<'_>) {
    let balancer = wanted.software.balancer();
    let name = wanted.software.as_str();
    match idle(wanted.software, seen) {
        None => {}
        Some(Idle::NotInstalled) => {
            notebook.add(Severity::Error, format!("{name} is not installed"), "`rabbitup up` installs it");
            return;
        }
        Some(Idle::Stopped) => {
            let advice = format!(
                "`journalctl -u {} -n 50` on the host shows why; `rabbitup up` starts it",
                balancer.unit
            );
            notebook.add(Severity::Error, format!("{name} does not run"), advice);
            return;
        }
    }
    let Some(facts) = &seen.load_balancer else { return };
    let verdict = |check: &str| {
        let check = check.trim_start_matches("* ");
        balancer.runtime.as_ref().map_or(check, |runtime| (runtime.verdict)(check)).to_owned()
    };
    let foreign = !seen.file(balancer.conf).and_then(|file| file.content.as_deref()).is_none_or(is_ours);
    if facts.amqp_answers == Some(false) && foreign {
        notebook.add(
            Severity::Error,
            format!(
                "{name} runs with a configuration that rabbitup did not write, and gives AMQP clients no answer on port {}",
                wanted.amqp_port
            ),
            "`rabbitup plan` shows what would change",
        );
    } else if facts.amqp_answers == Some(false) {
        notebook.add(
            Severity::Error,
            format!("AMQP clients get no answer through {name} on port {}", wanted.amqp_port),
            match amqp_ports(desired, all).as_slice() {
                [] => "the brokers serve no AMQP clients of other hosts: see listeners in [cluster.config]"
                    .to_owned(),
                ports => format!(
                    "no broker answers behind it, or a firewall blocks this host from the brokers ({} {})",
                    if ports.len() == 1 { "port" } else { "ports" },
                    listed(ports)
                ),
            },
        );
    }
    // A broker that another backend of a pair has is not missing.
    let is_broker = |backend: &Backend| desired.brokers().any(|host| host.name.as_str() == backend.server);
    let counts = |backend: &&Backend| {
        // What somebody else's configuration serves beside the brokers is none of rabbitup's.
        (!foreign || is_broker(backend)) && is_its_place(desired, all, wanted, &facts.backends, backend)
    };
    let faulty = |state: ServerState| {
        let backends = facts.backends.iter().filter(counts);
        backends.filter(move |backend| server_state(backend) == state)
    };
    // A stopped broker has its own finding: a balancer that does not use it is right.
    let down = faulty(ServerState::Down)
        .filter(|backend| HostName::parse(&backend.server).map_or(true, |host| broker_runs(all, &host)));
    for (server, backends) in grouped(down.map(|b| (&b.server, b))) {
        let at = |backend: &Backend| backend.port.map(|port| format!(" at port {port}")).unwrap_or_default();
        let words: Vec<String> =
            backends.iter().map(|b| format!("{} ({}{})", b.proxy, verdict(&b.check), at(b))).collect();
        let advice = match backends.iter().find_map(|backend| elsewhere(desired, all, wanted, backend)) {
            Some(port) => {
                format!("the broker listens on port {port} instead: `rabbitup up` changes the balancer")
            }
            None => "if that broker runs, check that no firewall blocks this host from it".to_owned(),
        };
        notebook.add(Severity::Error, format!("{server} is DOWN for {name}: {}", words.join(", ")), advice);
    }
    for (server, backends) in grouped(faulty(ServerState::Out).map(|b| (&b.server, &b.proxy))) {
        let broker = all.hosts.iter().find(|(host, _)| host.as_str() == server);
        let (though, advice) = if broker.is_some_and(|(host, _)| broker_serves(all, host)) {
            (", although its broker serves", "`rabbitup up` puts it back")
        } else {
            ("", "`rabbitup up` puts it back once its broker serves")
        };
        notebook.add(
            Severity::Warning,
            format!("{server} was taken out of {name}{though}: {}", whole(&backends)),
            advice,
        );
    }
}

/// The ports on which the brokers serve AMQP clients of other hosts.
fn amqp_ports(desired: &Desired, facts: &Facts) -> Vec<u16> {
    let ports: BTreeSet<u16> = desired
        .brokers()
        .filter_map(|host| endpoint(desired, facts, host).amqp)
        .map(|port| port.number)
        .collect();
    ports.into_iter().collect()
}

/// Whether this is the backend that is to have the broker: while brokers change to the PROXY protocol, one of two.
fn is_its_place(
    desired: &Desired,
    facts: &Facts,
    wanted: &LoadBalancer,
    all: &[Backend],
    backend: &Backend,
) -> bool {
    let host = desired.brokers().find(|host| host.name.as_str() == backend.server);
    let Some((runtime, host)) = wanted.software.balancer().runtime.as_ref().zip(host) else { return true };
    let is_there = |name: &str| all.iter().any(|other| other.proxy == name);
    suits(runtime, &endpoint(desired, facts, host), &backend.proxy, is_there)
}

/// The port of the broker behind a backend, if the balancer connects to another one.
fn elsewhere(desired: &Desired, facts: &Facts, wanted: &LoadBalancer, backend: &Backend) -> Option<u16> {
    let runtime = wanted.software.balancer().runtime.as_ref()?;
    let host = desired.brokers().find(|host| host.name.as_str() == backend.server)?;
    let at = endpoint(desired, facts, host);
    let port = port_behind(runtime, &at, &backend.proxy)?;
    (backend.port? != port).then_some(port)
}
