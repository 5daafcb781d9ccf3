use std::collections::BTreeMap;

use super::balancer_turns::{await_standby, check, in_turn, turn, why_start};
use super::{Draft, preflight};
use crate::balancer::{Balancer, Software};
use crate::cluster::endpoints::endpoint;
use crate::facts::{Configuration, Facts, HostFacts};
use crate::inventory::{BalancerAt, Checks, Host, LoadBalancer};
use crate::model::{Role, Version, is_ours};
use crate::operation::{Operation, Proof, ReloadUnit, StartUnit, StopUnit, Then, Validator, WriteFile};
use crate::plan::diff::unified;
use crate::plan::{Change, Proposal, StepId, render};
use crate::playbook::Phase;
use crate::rabbitmq::listeners::{Endpoint, NodePorts};
use crate::redact::redacted;
use crate::template::Rendered;

/// Renders the load balancer's configuration, validates it with the load balancer itself, and reloads.
pub fn plan(draft: &mut Draft<'_>) {
    let Some(balancer) = draft.desired.load_balancer.clone() else { return };
    for host in in_turn(draft) {
        let (backends, ready) = (places(draft), ready(draft));
        check(draft, host, &balancer, &backends, "address-check", &ready);
        make_room(draft, host, balancer.software);
        configure(draft, host, &balancer);
        run(draft, host, balancer.software);
        // Without the step, it has run all along.
        if balancer.vip.is_some() && draft.has(&StepId::new(&host.name, "balancer")) {
            await_standby(draft, host, "address-ready");
        }
    }
}

/// Stops other load balancers that run with our configuration: both would use the same ports.
fn make_room(draft: &mut Draft<'_>, host: &Host, wanted: Software) {
    for other in Software::ALL.iter().filter(|other| **other != wanted).map(|other| other.balancer()) {
        let Some(facts) = draft.host(&host.name) else { return };
        let content = facts.file(other.conf).and_then(|file| file.content.as_deref());
        if !content.is_some_and(is_ours) || !facts.unit(other.unit).is_active() {
            continue;
        }
        // Two may run at once, on different ports.
        let turn = turn(draft, host);
        let step = StepId::new(&host.name, "make-room");
        let what =
            if draft.has(&step) { format!("make-room-{}", other.unit) } else { "make-room".to_owned() };
        draft.propose(
            Proposal::new(&host.name, &what, Change::Remove, StopUnit { unit: other.unit.to_owned() })
                .title(format!("stop {}", other.unit))
                .because(format!("the inventory's load balancer is now {}", wanted.balancer().unit))
                .after(turn),
        );
    }
}

fn configure(draft: &mut Draft<'_>, host: &Host, balancer: &LoadBalancer) {
    let backends = places(draft);
    let compared = compared(draft, host, balancer, &backends, Checks::AsWanted);
    let Some(Compared { current, wanted }) = compared else { return };
    let Balancer { conf: path, .. } = balancer.software.balancer();
    let ours = is_ours(&current);
    let new = draft
        .observed
        .host(&host.name)
        .is_some_and(|seen| seen.installed_balancer(balancer.software).is_none());
    let unit = balancer.software.balancer().unit;
    let runs = draft.host(&host.name).is_some_and(|facts| facts.unit(unit).is_active());
    let text = wanted.display_text();
    // A diff against a foreign configuration would be noise.
    let (change, reason, diff) = match (new, ours) {
        (true, _) => (Change::Add, "the load balancer is new here", unified("", &text)),
        (false, true) => {
            (Change::Change, "it differs from the inventory", unified(&redacted(&current), &redacted(&text)))
        }
        (false, false) if runs => (
            Change::Change,
            "its service runs with one that rabbitup did not write: what else that serves ends; a copy is kept beside it",
            unified("", &text),
        ),
        (false, false) => {
            (Change::Change, "it was not written by rabbitup; a copy is kept beside it", unified("", &text))
        }
    };
    let turn = turn(draft, host);
    let ready = ready(draft);
    draft.propose(
        Proposal::new(&host.name, "balancer-conf", change, write(balancer, wanted))
            .title(format!("write {path}"))
            .because(reason)
            .diff(diff)
            .after(ready)
            .after(turn)
            .within(180),
    );
}

/// When a node replaces another, clients are sent to the new one only once it serves; when brokers change their ports, once all of them do.
fn ready(draft: &Draft<'_>) -> Vec<StepId> {
    if draft.desired.leaving.is_some() {
        return draft.last_on_brokers(&[Phase::Start, Phase::Join, Phase::Grow]);
    }
    if !has_moved(draft) {
        return Vec::new();
    }
    let mut ready = draft.last_on_brokers(&[Phase::Start, Phase::Upgrade, Phase::Restart, Phase::Join]);
    ready.extend(draft.steps_that(|operation| matches!(operation, Operation::SwitchServer(_))));
    ready
}

/// Whether the balancers' configuration can have brokers that ask for the PROXY protocol's header beside others that do not: an operator's own
/// template may not.
pub(super) fn knows_both_ways(draft: &mut Draft<'_>) -> bool {
    let Some(balancer) = draft.desired.load_balancer.clone() else { return true };
    let Some(runtime) = &balancer.software.balancer().runtime else { return false };
    let Some(host) = draft.hosts().into_iter().find(|host| host.has(Role::LoadBalancer)) else { return true };
    let backends = places(draft);
    // What cannot be rendered is refused for that.
    let text = wanted(draft, host, &balancer, &backends, Checks::OfGreetings).map(|text| text.display_text());
    let pair = format!("{}{}", runtime.amqp, runtime.proxied);
    text.is_none_or(|text| (runtime.has_backend)(&text, &pair))
}

/// Its file as it is and as it should be.
struct Compared {
    current: String,
    wanted: Rendered,
}

/// Its file as it should be. None if the template cannot be rendered, which is reported, or the host is none where it could be.
pub(super) fn wanted(
    draft: &mut Draft<'_>,
    host: &Host,
    balancer: &LoadBalancer,
    backends: &[(&Host, Endpoint)],
    checks: Checks,
) -> Option<Rendered> {
    let platform = preflight::platform(draft, &host.name)?;
    let (facts, software) = (draft.host(&host.name)?, balancer.software.balancer());
    let package = facts.packages.get(platform.packages_of(software).main);
    let version = package.and_then(|package| package.installed.as_ref().or(package.candidate.as_ref()));
    let version = version.and_then(|version| Version::parse(version).ok());
    // One that this plan installs has no version yet.
    let version = version.filter(|known| known.major > 0);
    let version = version.or_else(|| software.early_version(&facts.system.id, &facts.system.version));
    let at = BalancerAt { platform, version, backends, checks };
    match render::load_balancer(draft.templates, draft.desired, balancer, &at) {
        Ok(wanted) => Some(wanted),
        Err(error) => {
            super::refuse_template(draft, &error);
            None
        }
    }
}

/// None if they do not differ, or cannot be compared.
fn compared(
    draft: &mut Draft<'_>,
    host: &Host,
    balancer: &LoadBalancer,
    backends: &[(&Host, Endpoint)],
    checks: Checks,
) -> Option<Compared> {
    let wanted = wanted(draft, host, balancer, backends, checks)?;
    let path = balancer.software.balancer().conf;
    let current =
        draft.host(&host.name)?.file(path).and_then(|file| file.content.clone()).unwrap_or_default();
    let Some(resolved) = draft.resolve(&wanted) else {
        draft.note(&host.name, format!("{path} needs a secret that is not available; it was not compared"));
        return None;
    };
    (current.as_bytes() != resolved.expose()).then_some(Compared { current, wanted })
}

fn write(balancer: &LoadBalancer, body: Rendered) -> WriteFile {
    let Balancer { conf, unit, .. } = balancer.software.balancer();
    WriteFile {
        path: (*conf).to_owned(),
        mode: if body.secrets().next().is_some() { 0o640 } else { 0o644 },
        owner: "root".to_owned(),
        group: "root".to_owned(),
        body,
        validate: Some(Validator::Balancer(balancer.software)),
        then: Then::Reload((*unit).to_owned()),
        proof: Proof::None,
        resolves: Vec::new(),
        full_names: BTreeMap::new(),
    }
}

/// Every broker with the place where a balancer is to look for it.
pub(super) fn places<'a>(draft: &Draft<'a>) -> Vec<(&'a Host, Endpoint)> {
    backends(draft, |draft, broker| vec![endpoint(draft.desired, &draft.facts, broker)])
}

/// Every broker with the places where a balancer is to look for it.
fn backends<'a>(
    draft: &Draft<'a>,
    places: impl Fn(&Draft<'a>, &Host) -> Vec<Endpoint>,
) -> Vec<(&'a Host, Endpoint)> {
    let of = |host: &'a Host| places(draft, host).into_iter().map(move |endpoint| (host, endpoint));
    draft.desired.brokers().flat_map(of).collect()
}

/// Whether a broker serves elsewhere after this plan.
fn has_moved(draft: &Draft<'_>) -> bool {
    let runs = |host: &&Host| draft.observed.host(&host.name).is_some_and(|facts| facts.node().is_some());
    let at = |facts: &Facts, host: &Host| endpoint(draft.desired, facts, host);
    draft.desired.brokers().filter(runs).any(|host| at(draft.observed, host) != at(&draft.facts, host))
}

/// A configuration for the time in which brokers change their ports, one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Between {
    /// A balancer that cannot be changed at run time looks for each broker at both places, and uses the one that answers.
    BothPlaces,
    /// It is told where each broker is, and has no check that asks them all at the same port.
    PlainChecks,
    /// It is told in which of two backends each broker is: with the PROXY protocol's header, or without it.
    BothWays,
}

/// In ids of steps.
impl std::fmt::Display for Between {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::BothPlaces => "both",
            Self::PlainChecks => "plain",
            Self::BothWays => "ways",
        })
    }
}

/// Writes it before the first broker restarts. Returns the steps.
pub(super) fn between(draft: &mut Draft<'_>, between: Between, before: &[StepId]) -> Vec<StepId> {
    let Some(balancer) = draft.desired.load_balancer.clone() else { return Vec::new() };
    let software = balancer.software.balancer();
    let (what, title, because, checks) = match between {
        Between::BothPlaces => (
            "balancer-conf-both",
            format!("write {} with both ports of each broker", software.conf),
            "the brokers change their ports one after the other; what does not answer is passed over",
            Checks::AsWanted,
        ),
        Between::PlainChecks => (
            "balancer-conf-plain",
            format!("write {} with checks of connections only", software.conf),
            "the brokers change one after the other where their health is asked",
            Checks::OfConnections,
        ),
        Between::BothWays => (
            "balancer-conf-ways",
            format!(
                "write {} with each broker in two backends, with and without the PROXY protocol's header",
                software.conf
            ),
            "the brokers change one after the other; each is used in the backend that suits it",
            Checks::OfGreetings,
        ),
    };
    let mut steps = Vec::new();
    for host in draft.hosts().into_iter().filter(|host| host.has(Role::LoadBalancer)) {
        let Some(facts) = draft.host(&host.name) else { continue };
        let ours = facts.file(software.conf).and_then(|file| file.content.as_deref()).is_some_and(is_ours);
        let id = StepId::new(&host.name, what);
        if draft.has(&id) || !ours || !facts.unit(software.unit).is_active() {
            continue;
        }
        let balancer = as_clients_know_it(&balancer, facts);
        let both = backends(draft, |draft, broker| {
            let now = endpoint(draft.desired, &draft.facts, broker);
            let then = draft.desired.cluster.listeners(NodePorts::default()).endpoint();
            match between {
                Between::BothPlaces if now != then => vec![now, then],
                Between::BothPlaces | Between::PlainChecks | Between::BothWays => vec![now],
            }
        });
        let compared = compared(draft, host, &balancer, &both, checks);
        let Some(Compared { current, wanted }) = compared else { continue };
        let check = check(draft, host, &balancer, &both, &format!("address-check-{between}"), before);
        steps.extend(check);
        // One after the other, where another one holds the address meanwhile.
        let others = if balancer.vip.is_some() { steps.clone() } else { Vec::new() };
        let diff = unified(&redacted(&current), &redacted(&wanted.display_text()));
        draft.propose(
            Proposal::new(&host.name, what, Change::Change, write(&balancer, wanted))
                .title(title.clone())
                .because(because)
                .diff(diff)
                .after(before.iter().cloned())
                .after(others)
                .within(180),
        );
        if draft.has(&id) {
            steps.push(id);
        }
    }
    steps
}

/// Its present ports for clients, where it can tell them: those of the inventory follow when all brokers have moved.
fn as_clients_know_it(balancer: &LoadBalancer, facts: &HostFacts) -> LoadBalancer {
    let software = balancer.software.balancer();
    let conf = facts.file(software.conf).and_then(|file| file.content.as_deref()).unwrap_or_default();
    let Some(runtime) = &software.runtime else { return balancer.clone() };
    let amqp_port = (runtime.client_port)(conf, runtime.amqp).unwrap_or(balancer.amqp_port);
    let management_port =
        balancer.management_port.map(|port| (runtime.client_port)(conf, runtime.management).unwrap_or(port));
    LoadBalancer { amqp_port, management_port, ..balancer.clone() }
}

fn run(draft: &mut Draft<'_>, host: &Host, software: Software) {
    let Some(facts) = draft.host(&host.name) else { return };
    let Balancer { unit, .. } = software.balancer();
    let state = facts.unit(unit);
    let name = (*unit).to_owned();
    let turn = turn(draft, host);
    if let Some(reason) = why_start(&state) {
        return draft.propose(
            Proposal::new(&host.name, "balancer", Change::Command, StartUnit { unit: name.clone() })
                .title(format!("start {name}"))
                .because(reason)
                .after(turn)
                .within(180),
        );
    }
    if facts.load_balancer.as_ref().and_then(|balancer| balancer.runs_with) == Some(Configuration::Earlier) {
        draft.propose(
            Proposal::new(&host.name, "balancer-reload", Change::Command, ReloadUnit { unit: name.clone() })
                .title(format!("reload {name}"))
                .because("its configuration has changed since it was last read")
                .after(turn)
                .within(180),
        );
    }
}
