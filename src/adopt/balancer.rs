//! What a load balancer's own file says, as settings.

use super::Adoption;
use super::adoption::{BalancerSettings, BalancerState, Table};
use crate::balancer::{Balancer, Software};
use crate::cluster::phrases::listed;
use crate::facts::{Facts, HostFacts};
use crate::model::{is_ours, one_line};
use crate::rabbitmq::listeners::{AMQP, MANAGEMENT, Offered};

pub(super) fn read(adoption: &mut Adoption, facts: &Facts) {
    let Some(first) = adoption.balancers.first() else { return };
    let first_name = first.name.clone();
    let Some(seen) = facts.host(&first_name) else { return };
    let Some(software) = running(seen) else {
        let names: Vec<&str> = Software::ALL.iter().map(|software| software.balancer().name).collect();
        let text = format!("Neither {} is on {first_name}: this is the default one.", names.join(" nor "));
        adoption.remark(Table::LoadBalancer, text);
        adoption.balancer = Some(settings(Software::default(), ""));
        return;
    };
    let Balancer { name, conf, .. } = software.balancer();
    let text = seen.file(conf).and_then(|file| file.content.as_deref()).unwrap_or_default();
    let listens = software.balancer().listening(text);
    if !listens.is_empty() {
        let text = format!(
            "{name} on {first_name} accepts clients at {} ({conf}).",
            listed(listens.iter().map(|at| one_line(at)))
        );
        adoption.remark(Table::LoadBalancer, text);
    }
    if !is_ours(text) {
        let text =
            format!("rabbitup did not write {conf}, and would replace all of it; a copy is kept beside it.");
        adoption.remark(Table::LoadBalancer, text);
    }
    for other in adoption.balancers.clone().iter().skip(1) {
        if facts.host(&other.name).and_then(running) != Some(software) {
            adoption.remark(Table::LoadBalancer, format!("{} does not run {name}.", other.name));
        }
    }
    adoption.balancer = Some(settings(software, text));
}

/// The software that runs there.
pub(super) fn active(seen: &HostFacts) -> Option<Software> {
    Software::ALL.iter().copied().find(|software| seen.unit(software.balancer().unit).is_active())
}

/// The software that runs there, else the one that is installed.
fn running(seen: &HostFacts) -> Option<Software> {
    let is_installed = |software: &Software| seen.file(software.balancer().conf).is_some();
    active(seen).or_else(|| Software::ALL.iter().copied().find(is_installed))
}

fn settings(software: Software, text: &str) -> BalancerSettings {
    let balancer = software.balancer();
    let ours = if is_ours(text) { text } else { "" };
    let runtime = balancer.runtime.as_ref();
    let port = |backend: &str| runtime.and_then(|runtime| (runtime.client_port)(ours, backend));
    let offered = |offered: Offered| {
        let backend = runtime.map(|runtime| (runtime.offered)(offered.as_str()))?;
        Some((offered, port(&backend)?))
    };
    let balance = Some(balancer.balancing(ours)).filter(|found| **found != balancer.default);
    BalancerSettings {
        software,
        balance: balance.map(|algorithm| algorithm.word),
        amqp_port: runtime.and_then(|runtime| port(runtime.amqp)).filter(|port| *port != AMQP),
        management_port: runtime
            .and_then(|runtime| port(runtime.management))
            .filter(|port| *port != MANAGEMENT),
        stats_port: port("stats"),
        listeners: Offered::ALL.into_iter().filter_map(offered).collect(),
        state: BalancerState::InForce,
    }
}
