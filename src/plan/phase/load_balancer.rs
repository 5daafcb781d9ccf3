use super::Draft;
use crate::inventory::{Host, LoadBalancer, Software};
use crate::model::Role;
use crate::operation::{Proof, ReloadUnit, StartUnit, StopUnit, Then, Validator, WriteFile};
use crate::plan::diff::unified;
use crate::plan::{Change, Proposal, render};
use crate::playbook::Phase;
use crate::redact::redacted;

/// The first line of what rabbitup renders, by which it knows its own.
const OURS: &str = "rabbitup";

/// Renders the load balancer's configuration, has the load balancer itself check it, and reloads.
pub fn plan(draft: &mut Draft<'_>) {
    let Some(balancer) = draft.desired.load_balancer.clone() else { return };
    for host in draft.hosts().into_iter().filter(|host| host.has(Role::LoadBalancer)) {
        make_room(draft, host, balancer.software);
        configure(draft, host, &balancer);
        run(draft, host, balancer.software);
    }
}

/// Where a load balancer's software keeps its configuration.
pub fn conf_path(software: Software) -> &'static str {
    match software {
        Software::Haproxy => "/etc/haproxy/haproxy.cfg",
        Software::Nginx => "/etc/nginx/nginx.conf",
    }
}

/// The unit of a load balancer's software.
pub fn unit(software: Software) -> &'static str {
    match software {
        Software::Haproxy => "haproxy",
        Software::Nginx => "nginx",
    }
}

/// Stops the other software where it runs with a configuration of ours: the two would want the same ports.
fn make_room(draft: &mut Draft<'_>, host: &Host, wanted: Software) {
    let other = match wanted {
        Software::Haproxy => Software::Nginx,
        Software::Nginx => Software::Haproxy,
    };
    let Some(facts) = draft.host(&host.name) else { return };
    let content = facts.file(conf_path(other)).and_then(|file| file.content.as_deref());
    let ours = content.is_some_and(|content| content.lines().take(2).any(|line| line.contains(OURS)));
    if ours && facts.unit(unit(other)).is_active() {
        draft.propose(
            Proposal::new(&host.name, "make-room", Change::Remove, StopUnit { unit: unit(other).to_owned() })
                .title(format!("stop {}", unit(other)))
                .because(format!("the inventory's load balancer is {} now", unit(wanted))),
        );
    }
}

fn configure(draft: &mut Draft<'_>, host: &Host, balancer: &LoadBalancer) {
    let wanted = match render::load_balancer(draft.templates, draft.desired, balancer) {
        Ok(wanted) => wanted,
        Err(error) => return super::refuse_template(draft, &error),
    };
    let Some(facts) = draft.host(&host.name) else { return };
    let path = conf_path(balancer.software);
    let current = facts.file(path).and_then(|file| file.content.clone()).unwrap_or_default();
    let Some(resolved) = draft.resolve(&wanted) else {
        return draft
            .note(&host.name, format!("{path} needs a secret that is not at hand; it was not compared"));
    };
    if current.as_bytes() == resolved.expose() {
        return;
    }
    let ours = current.lines().take(2).any(|line| line.contains(OURS));
    let new =
        draft.observed.host(&host.name).is_some_and(|seen| seen.installed(unit(balancer.software)).is_none());
    let text = wanted.display_text();
    // Line by line against somebody else's configuration would be noise.
    let (change, reason, diff) = match (new, ours) {
        (true, _) => (Change::Add, "the load balancer is new here", unified("", &text)),
        (false, true) => (
            Change::Change,
            "it differs from the inventory's",
            unified(&redacted(&current), &redacted(&text)),
        ),
        (false, false) => {
            (Change::Change, "it is not rabbitup's; a copy is kept beside it", unified("", &text))
        }
    };
    let validate = match balancer.software {
        Software::Haproxy => Validator::Haproxy,
        Software::Nginx => Validator::Nginx,
    };
    let write = WriteFile {
        path: path.to_owned(),
        mode: if wanted.secrets().next().is_some() { 0o640 } else { 0o644 },
        owner: "root".to_owned(),
        group: "root".to_owned(),
        body: wanted,
        validate: Some(validate),
        then: Then::Reload(unit(balancer.software).to_owned()),
        proof: Proof::None,
        resolves: Vec::new(),
    };
    // Where one node takes another's place, clients are sent to the new one when it serves, and not before.
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
    let state = facts.unit(unit(software));
    let name = unit(software).to_owned();
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
    let changed = facts.file(conf_path(software)).map(|file| file.modified);
    let loaded = facts.load_balancer.as_ref().and_then(|balancer| balancer.loaded);
    if let (Some(changed), Some(loaded)) = (changed, loaded)
        && changed > loaded
    {
        draft.propose(
            Proposal::new(&host.name, "balancer-reload", Change::Command, ReloadUnit { unit: name.clone() })
                .title(format!("reload {name}"))
                .because("its configuration changed after it was last read")
                .within(180),
        );
    }
}
