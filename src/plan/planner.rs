use crate::cluster::phrases::counted;
use std::collections::BTreeSet;

use super::{
    Draft, FORMAT_VERSION, Moment, Options, Plan, PlanError, Refusal, fingerprint, phase, planned_hosts,
};
use crate::facts::{Facts, HostFacts};
use crate::inventory::{CookieSource, Desired};
use crate::model::{Problem, Role, SecretName, SecretSource};
use crate::playbook::{Phase, Playbook};
use crate::template::Templates;

/// Turns what is wanted and what was observed into the steps between the two. Pure: the same arguments give the
/// same plan, in the same order.
///
/// # Errors
/// [`PlanError`] with every reason that speaks against changing anything, where there is one.
pub fn plan(
    desired: &Desired,
    playbook: &Playbook,
    templates: &Templates,
    facts: &Facts,
    options: &Options,
) -> Result<Plan, PlanError> {
    project(desired, playbook, templates, facts, options).map(|(plan, _)| plan)
}

/// A plan, and the facts as they will be when all of it has succeeded.
///
/// # Errors
/// As [`plan`].
pub fn project(
    desired: &Desired,
    playbook: &Playbook,
    templates: &Templates,
    facts: &Facts,
    options: &Options,
) -> Result<(Plan, Facts), PlanError> {
    let mut draft = drafted(desired, playbook, templates, facts, options)?;
    note_unneeded(&mut draft);
    draft.note_held_back();
    if !draft.refusals.is_empty() {
        return Err(PlanError(draft.refusals));
    }
    let after = draft.facts.clone();
    Ok((finished(draft, playbook), after))
}

/// The secrets that must be known to make the plan, and are not: those that commands print. With them the plan may take
/// another way, on which others are needed.
pub fn secrets_to_read(
    desired: &Desired,
    playbook: &Playbook,
    templates: &Templates,
    facts: &Facts,
    options: &Options,
) -> BTreeSet<SecretName> {
    let missed = drafted(desired, playbook, templates, facts, options)
        .map(|draft| draft.missed.into_inner())
        .unwrap_or_default();
    missed.into_iter().filter(|name| desired.commands.contains_key(name)).collect()
}

/// Goes through the playbook's phases.
fn drafted<'a>(
    desired: &'a Desired,
    playbook: &'a Playbook,
    templates: &'a Templates,
    facts: &'a Facts,
    options: &'a Options,
) -> Result<Draft<'a>, PlanError> {
    let unreachable = phase::unreachable(desired, playbook, facts, options);
    if !unreachable.is_empty() {
        return Err(PlanError(unreachable));
    }
    let untold = phase::untold(facts);
    if !untold.is_empty() {
        return Err(PlanError(untold));
    }
    let Some(first_broker) = desired.brokers().next() else {
        // The inventory's check sees to that; here it is only a sentence instead of a panic.
        return Err(PlanError(vec![no_broker()]));
    };
    let mut draft = Draft::new(desired, options, templates, facts, first_broker, &playbook.name);
    if draft.anchor != first_broker.name {
        let text = format!(
            "{} is the inventory's first broker, but {} holds the cluster or the data: the others join {}",
            first_broker.name, draft.anchor, draft.anchor
        );
        draft.note(&first_broker.name.clone(), text);
    }
    phase::refuse_in_the_way(&mut draft);
    for settings in &playbook.phases {
        phase::run(&mut draft, settings);
    }
    Ok(draft)
}

/// Says so where `--destroy-data` names a host whose data nothing in this plan would destroy: whoever typed it expected
/// something else.
fn note_unneeded(draft: &mut Draft<'_>) {
    if draft.options.moment != Moment::Before {
        return;
    }
    for name in &draft.options.destroy_data {
        let leaves = draft.desired.leaving.as_ref().is_some_and(|node| node.host() == name);
        if leaves || draft.losing.contains(name) {
            continue;
        }
        let why = if *name == draft.anchor {
            "the others join it, so nothing of it is destroyed"
        } else {
            "nothing in this plan would destroy anything of it"
        };
        draft.note(name, format!("--destroy-data {name} has no effect: {why}"));
    }
}

fn finished(mut draft: Draft<'_>, playbook: &Playbook) -> Plan {
    for (host, count) in std::mem::take(&mut draft.withheld) {
        let steps = counted(count, "step");
        draft.note(&host, format!("{steps} left out: the host is outside --limit"));
    }
    let mut secrets = draft.desired.secret_sources.clone();
    secrets.append(&mut draft.secrets);
    if draft.desired.cluster.cookie != CookieSource::Given {
        secrets.insert(SecretName::cookie(), SecretSource::HostCookie(draft.anchor.clone()));
    }
    Plan {
        format_version: FORMAT_VERSION,
        playbook: playbook.name.clone(),
        cluster: cluster_name(&draft),
        // A host that did not answer, and whose absence the playbook bears, can neither be locked nor changed.
        hosts: planned_hosts(draft.desired, playbook)
            .into_iter()
            .filter(|host| draft.observed.host(&host.name).is_some())
            .collect(),
        steps: draft.steps,
        notes: draft.notes,
        secrets,
        digest_key: draft.options.digest_key,
        fingerprint: fingerprint(draft.observed, draft.options.digest_key),
    }
}

fn cluster_name(draft: &Draft<'_>) -> Option<String> {
    let running = || draft.observed.host(&draft.anchor).and_then(HostFacts::node);
    let named = draft.desired.cluster.name.clone().or_else(|| Some(running()?.cluster_name.clone()));
    named.filter(|name| !name.is_empty())
}

fn no_broker() -> Refusal {
    let problem = Problem::new(
        "there is no broker in the inventory",
        format!("no host has the role {}", Role::Broker.as_str()),
        "give at least one host the role broker",
    );
    Refusal { phase: Phase::Preflight, problem }
}
