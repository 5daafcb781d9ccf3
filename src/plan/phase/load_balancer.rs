use std::collections::BTreeMap;

use super::{Draft, preflight};
use crate::balancer::{Balancer, Software};
use crate::inventory::{Host, LoadBalancer};
use crate::model::Role;
use crate::operation::{Proof, ReloadUnit, StartUnit, StopUnit, Then, Validator, WriteFile};
use crate::plan::diff::unified;
use crate::plan::{Change, Proposal, StepId, render};
use crate::playbook::Phase;
use crate::redact::redacted;

/// Renders the load balancer's configuration, validates it with the load balancer itself, and reloads.
pub fn plan(draft: &mut Draft<'_>) {
    let Some(balancer) = draft.desired.load_balancer.clone() else { return };
    for host in draft.hosts().into_iter().filter(|host| host.has(Role::LoadBalancer)) {
        make_room(draft, host, balancer.software);
        configure(draft, host, &balancer);
        run(draft, host, balancer.software);
    }
}

/// Stops other load balancers that run with our configuration: both would use the same ports.
fn make_room(draft: &mut Draft<'_>, host: &Host, wanted: Software) {
    for other in Software::ALL.iter().filter(|other| **other != wanted).map(|other| other.balancer()) {
        let Some(facts) = draft.host(&host.name) else { return };
        let content = facts.file(other.conf).and_then(|file| file.content.as_deref());
        if !content.is_some_and(|content| other.is_ours(content)) || !facts.unit(other.unit).is_active() {
            continue;
        }
        // Two may run at once, on different ports.
        let step = StepId::new(&host.name, "make-room");
        let what =
            if draft.has(&step) { format!("make-room-{}", other.unit) } else { "make-room".to_owned() };
        draft.propose(
            Proposal::new(&host.name, &what, Change::Remove, StopUnit { unit: other.unit.to_owned() })
                .title(format!("stop {}", other.unit))
                .because(format!("the inventory's load balancer is now {}", wanted.balancer().unit)),
        );
    }
}

fn configure(draft: &mut Draft<'_>, host: &Host, balancer: &LoadBalancer) {
    let Some(platform) = preflight::platform(draft, &host.name) else { return };
    let wanted = match render::load_balancer(draft.templates, draft.desired, balancer, platform) {
        Ok(wanted) => wanted,
        Err(error) => return super::refuse_template(draft, &error),
    };
    let Some(facts) = draft.host(&host.name) else { return };
    let Balancer { conf: path, unit, .. } = balancer.software.balancer();
    let current = facts.file(path).and_then(|file| file.content.clone()).unwrap_or_default();
    let Some(resolved) = draft.resolve(&wanted) else {
        return draft
            .note(&host.name, format!("{path} needs a secret that is not available; it was not compared"));
    };
    if current.as_bytes() == resolved.expose() {
        return;
    }
    let ours = balancer.software.balancer().is_ours(&current);
    let new = draft
        .observed
        .host(&host.name)
        .is_some_and(|seen| seen.installed_balancer(balancer.software).is_none());
    let text = wanted.display_text();
    // A diff against a foreign configuration would be noise.
    let (change, reason, diff) = match (new, ours) {
        (true, _) => (Change::Add, "the load balancer is new here", unified("", &text)),
        (false, true) => {
            (Change::Change, "it differs from the inventory", unified(&redacted(&current), &redacted(&text)))
        }
        (false, false) => {
            (Change::Change, "it was not written by rabbitup; a copy is kept beside it", unified("", &text))
        }
    };
    let write = WriteFile {
        path: (*path).to_owned(),
        mode: if wanted.secrets().next().is_some() { 0o640 } else { 0o644 },
        owner: "root".to_owned(),
        group: "root".to_owned(),
        body: wanted,
        validate: Some(Validator::Balancer(balancer.software)),
        then: Then::Reload((*unit).to_owned()),
        proof: Proof::None,
        resolves: Vec::new(),
        full_names: BTreeMap::new(),
    };
    // When a node replaces another, clients are sent to the new one only once it serves.
    let ready = match draft.desired.leaving {
        Some(_) => draft.last_on_brokers(&[Phase::Start, Phase::Join, Phase::Grow]),
        None => Vec::new(),
    };
    draft.propose(
        Proposal::new(&host.name, "balancer-conf", change, write)
            .title(format!("write {path}"))
            .because(reason)
            .diff(diff)
            .after(ready)
            .within(180),
    );
}

fn run(draft: &mut Draft<'_>, host: &Host, software: Software) {
    let Some(facts) = draft.host(&host.name) else { return };
    let Balancer { conf, unit, .. } = software.balancer();
    let state = facts.unit(unit);
    let name = (*unit).to_owned();
    if !state.is_active() || !state.is_enabled() {
        let reason =
            if state.is_active() { "it would not start at the next boot" } else { "it does not run" };
        return draft.propose(
            Proposal::new(&host.name, "balancer", Change::Command, StartUnit { unit: name.clone() })
                .title(format!("start {name}"))
                .because(reason)
                .within(180),
        );
    }
    let changed = facts.file(conf).map(|file| file.modified);
    let loaded = facts.load_balancer.as_ref().and_then(|balancer| balancer.loaded);
    if let (Some(changed), Some(loaded)) = (changed, loaded)
        && changed > loaded
    {
        draft.propose(
            Proposal::new(&host.name, "balancer-reload", Change::Command, ReloadUnit { unit: name.clone() })
                .title(format!("reload {name}"))
                .because("its configuration has changed since it was last read")
                .within(180),
        );
    }
}
