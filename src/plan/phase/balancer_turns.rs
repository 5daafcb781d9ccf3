//! What load balancers that share an address do one after the other, and the check by which keepalived finds out whether one works.

use std::collections::BTreeMap;

use super::{Draft, preflight};
use crate::facts::{FileFacts, HostFacts, UnitFacts};
use crate::inventory::{Host, LoadBalancer, alive};
use crate::model::{HostName, Role};
use crate::operation::{AwaitStandby, Proof, Then, Validator, WriteFile};
use crate::plan::diff::unified;
use crate::plan::{Change, Proposal, StepId};
use crate::playbook::Phase;
use crate::rabbitmq::listeners::Endpoint;
use crate::template::Rendered;
use crate::virtual_address::{self, CHECK, Checked, KEEPALIVED};

/// The load balancers that answered: those that hold an address last, so that it moves at most once.
pub(super) fn in_turn<'a>(draft: &Draft<'a>) -> Vec<&'a Host> {
    let mut hosts: Vec<&Host> =
        draft.hosts().into_iter().filter(|host| host.has(Role::LoadBalancer)).collect();
    let vip = draft.desired.load_balancer.as_ref().and_then(|balancer| balancer.vip.as_ref());
    let holds = |host: &&Host| {
        let facts = draft.observed.host(&host.name).and_then(|facts| facts.virtual_address.as_ref());
        let mut addresses = vip.iter().flat_map(|vip| &vip.addresses);
        facts.is_some_and(|facts| addresses.any(|at| facts.holds(at.address)))
    };
    hosts.sort_by_key(holds);
    hosts
}

/// What the first step of a load balancer in a phase waits for, where another one serves meanwhile: what the others do in this plan.
pub(super) fn turn(draft: &Draft<'_>, host: &Host) -> Vec<StepId> {
    let vip = draft.desired.load_balancer.as_ref().and_then(|balancer| balancer.vip.as_ref());
    if vip.is_none() || !draft.last_of(&[&host.name], &[draft.phase]).is_empty() {
        return Vec::new();
    }
    let others: Vec<&HostName> = draft
        .desired
        .with_role(Role::LoadBalancer)
        .map(|other| &other.name)
        .filter(|other| **other != host.name)
        .collect();
    draft.last_of(&others, &[Phase::LoadBalancer, Phase::VirtualAddress])
}

/// Writes the check for what the balancer is about to be, if there is an address that depends on it. `what` tells two checks of one plan
/// apart; what it asks works once `ready` has been done.
pub(super) fn check(
    draft: &mut Draft<'_>,
    host: &Host,
    balancer: &LoadBalancer,
    backends: &[(&Host, Endpoint)],
    what: &str,
    ready: &[StepId],
) -> Option<StepId> {
    balancer.vip.as_ref()?;
    let platform = preflight::platform(draft, &host.name)?;
    let place = |(broker, at): &(&Host, Endpoint)| Some((broker.address, at.amqp?.number));
    let text = virtual_address::check(&Checked {
        port: balancer.amqp_port,
        alive: alive(balancer, platform).map(str::to_owned),
        brokers: backends.iter().filter_map(place).collect(),
    });
    let current = text_of(draft.host(&host.name)?.file(CHECK)).to_owned();
    if current == text {
        return None;
    }
    let turn = turn(draft, host);
    let write = write(CHECK, 0o755, Rendered::from_text(&text), None, Then::Nothing);
    draft.propose(
        Proposal::new(&host.name, what, change(&current), write)
            .title(format!("write {CHECK}"))
            .because("keepalived finds out by it whether this load balancer works")
            .diff(unified(&current, &text))
            .after(ready.iter().cloned())
            .after(turn),
    );
    Some(StepId::new(&host.name, what))
}

/// Why a unit that has to run is started; None if it runs, and will after the next boot.
pub(super) fn why_start(unit: &UnitFacts) -> Option<&'static str> {
    match (unit.is_active(), unit.is_enabled()) {
        (true, true) => None,
        (true, false) => Some("it would not start at the next boot"),
        (false, _) => Some("it does not run"),
    }
}

pub(super) fn text_of(file: Option<&FileFacts>) -> &str {
    file.and_then(|file| file.content.as_deref()).unwrap_or_default()
}

pub(super) fn change(current: &str) -> Change {
    if current.is_empty() { Change::Add } else { Change::Change }
}

pub(super) fn write(
    path: &str,
    mode: u32,
    body: Rendered,
    validate: Option<Validator>,
    then: Then,
) -> WriteFile {
    WriteFile {
        path: path.to_owned(),
        mode,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        body,
        validate,
        then,
        proof: Proof::None,
        resolves: Vec::new(),
        full_names: BTreeMap::new(),
    }
}

/// A load balancer that gave the address up in this phase, or could not have it, can have it again before the next one does the same.
pub(super) fn await_standby(draft: &mut Draft<'_>, host: &Host, what: &str) {
    let is_last = in_turn(draft).last().is_none_or(|last| last.name == host.name);
    let runs = |facts: &HostFacts| facts.unit(KEEPALIVED).is_active();
    if is_last || !draft.observed.host(&host.name).is_some_and(runs) {
        return;
    }
    draft.propose(
        Proposal::new(&host.name, what, Change::Command, AwaitStandby)
            .title("wait until it can have the shared address")
            .because("the next load balancer is changed only then"),
    );
}
