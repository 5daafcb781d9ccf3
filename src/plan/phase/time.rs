use std::collections::BTreeMap;

use super::{Draft, preflight};
use crate::cluster::claim::Claim;
use crate::facts::HostFacts;
use crate::inventory::Host;
use crate::model::Role;
use crate::operation::{Proof, StartUnit, Then, Validator, WriteFile};
use crate::plan::diff::unified;
use crate::plan::{Change, Proposal, render};
use crate::platform::TimeService;

/// Synchronises time with chrony. Another time service that runs and is in sync is left alone, except on a time source:
/// timesyncd cannot serve time.
pub fn plan(draft: &mut Draft<'_>) {
    if !draft.desired.time.manage {
        return;
    }
    for host in draft.hosts() {
        let Some(facts) = draft.host(&host.name) else { continue };
        if !wants_chrony(draft, host, facts) {
            continue;
        }
        let Some(platform) = preflight::platform(draft, &host.name) else { continue };
        let time = &platform.time;
        configure(draft, host, time);
        let Some(unit) = draft.host(&host.name).map(|facts| facts.unit(time.unit)) else { continue };
        if !unit.is_active() || !unit.is_enabled() {
            let reason = if unit.is_active() {
                "chrony would not start at the next boot"
            } else {
                "chrony does not run"
            };
            draft.propose(
                Proposal::new(
                    &host.name,
                    "chrony",
                    Change::Command,
                    StartUnit { unit: time.unit.to_owned() },
                )
                .title("start chrony")
                .because(reason),
            );
        }
    }
}

/// Whether chrony manages this host's clock.
pub(super) fn wants_chrony(draft: &Draft<'_>, host: &Host, facts: &HostFacts) -> bool {
    let chrony = facts.system.family.platform().map(|platform| platform.time.unit);
    let other_in_sync = match facts.time_service.running.as_deref() {
        None => false,
        unit if unit == chrony => false,
        Some(_) => facts.time_service.synchronised == Some(true),
    };
    draft.desired.time.manage && (!other_in_sync || host.has(Role::TimeSource))
}

fn configure(draft: &mut Draft<'_>, host: &Host, time: &TimeService) {
    let wanted = match render::chrony_conf(draft.templates, draft.desired, host, time) {
        Ok(Some(wanted)) => wanted,
        Ok(None) => return,
        Err(error) => return super::refuse_template(draft, &error),
    };
    let Some(facts) = draft.host(&host.name) else { return };
    let current = facts.file(time.conf).and_then(|file| file.content.clone()).unwrap_or_default();
    let text = wanted.display_text();
    if current == text {
        return;
    }
    let installed_now =
        draft.observed.host(&host.name).is_some_and(|seen| seen.installed(time.package).is_none());
    let (change, diff, reason) = if installed_now {
        (Change::Add, unified("", &text), "chrony is new here".to_owned())
    } else {
        (Change::Change, unified(&current, &text), "its time servers differ from the inventory".to_owned())
    };
    let claim = Claim::of(&current).filter(|_| !installed_now);
    if let Some(claim) = claim {
        let text = format!(
            "{} says that it belongs to {} (\"{}\"), whose next run may undo this: set manage = false under [time], or put the \
             time servers where it takes the file from",
            time.conf,
            claim.whose(),
            claim.line
        );
        draft.note(&host.name, text);
    }
    let write = WriteFile {
        path: time.conf.to_owned(),
        mode: 0o644,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        body: wanted,
        validate: Some(Validator::Chrony),
        then: Then::Restart(time.unit.to_owned()),
        proof: Proof::None,
        resolves: Vec::new(),
        full_names: BTreeMap::new(),
    };
    draft.propose(
        Proposal::new(&host.name, "chrony-conf", change, write)
            .title(format!("write {}", time.conf))
            .because(reason)
            .diff(diff),
    );
}
