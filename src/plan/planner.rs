use crate::cluster::phrases::counted;
use std::collections::BTreeSet;

use super::{
    Draft, FORMAT_VERSION, LiveFile, Options, Pass, Plan, PlanError, Refusal, RefusalKind, fingerprint,
    left_out, phase, planned_hosts,
};
use crate::facts::{Facts, HostFacts};
use crate::inventory::{CookieSource, Desired};
use crate::model::{HostName, Problem, Role, SecretName, SecretSource};
use crate::playbook::{Phase, Playbook};
use crate::template::{TemplateName, Templates};

/// Plans the steps from the observed state to the desired state. Pure: the same arguments give the
/// same plan, in the same order.
///
/// # Errors
/// [`PlanError`] with every reason not to change anything.
pub fn plan(
    desired: &Desired,
    playbook: &Playbook,
    templates: &Templates,
    facts: &Facts,
    options: &Options,
) -> Result<Plan, PlanError> {
    project(desired, playbook, templates, facts, options).map(|(plan, _)| plan)
}

/// A plan, and the facts after all its steps have succeeded.
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

/// The secrets that the plan needs and that are unknown: those that commands print. Once they are known, the plan may
/// change and need others.
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

/// The hosts' files from one template, as they are and as they should be; with the secrets that the comparison needs and that are
/// unknown. A file of a host that was not inspected is not among them.
///
/// # Errors
/// As [`plan`].
pub fn live(
    desired: &Desired,
    templates: &Templates,
    facts: &Facts,
    options: &Options,
    (name, only): (TemplateName, Option<&HostName>),
) -> Result<(Vec<LiveFile>, BTreeSet<SecretName>), PlanError> {
    let first_broker = desired.brokers().next().ok_or_else(|| PlanError(vec![no_broker()]))?;
    let mut draft = Draft::new(desired, options, templates, facts, first_broker, "");
    let files = phase::live::files(&mut draft, name, only);
    if !draft.refusals.is_empty() {
        return Err(PlanError(draft.refusals));
    }
    Ok((files, draft.missed.into_inner()))
}

/// Runs the playbook's phases.
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
    let unsupported = phase::unsupported(facts);
    if !unsupported.is_empty() {
        return Err(PlanError(unsupported));
    }
    let Some(first_broker) = desired.brokers().next() else {
        // The inventory check guarantees this; here it is an error instead of a panic.
        return Err(PlanError(vec![no_broker()]));
    };
    let mut draft = Draft::new(desired, options, templates, facts, first_broker, &playbook.name);
    if draft.anchor != first_broker.name {
        let text = format!(
            "{} is the inventory's first broker, but {} has the cluster or the data: the others join {}",
            first_broker.name, draft.anchor, draft.anchor
        );
        draft.note(&first_broker.name.clone(), text);
    }
    phase::refuse_identities(&mut draft);
    if !draft.refusals.is_empty() {
        // Whatever else is seen of such a node follows from it.
        return Err(PlanError(draft.refusals));
    }
    phase::refuse_in_the_way(&mut draft);
    for settings in &playbook.phases {
        phase::run(&mut draft, settings);
    }
    phase::check_steps(&mut draft, playbook);
    let anchor = draft.host(&draft.anchor).and_then(HostFacts::node);
    let refused = left_out::refusal(desired, facts, anchor, &draft.needing);
    draft.refusals.extend(refused);
    Ok(draft)
}

/// Notes when `--destroy-data` names a host whose data this plan does not destroy: the operator expected
/// something else.
fn note_unneeded(draft: &mut Draft<'_>) {
    if draft.options.pass != Pass::Before {
        return;
    }
    for name in &draft.options.destroy_data {
        let leaves = draft.desired.leaving.as_ref().is_some_and(|node| node.host() == name);
        if leaves || draft.losing.contains(name) {
            continue;
        }
        let why = if *name == draft.anchor {
            "the others join it, so none of its data is destroyed"
        } else {
            "nothing in this plan destroys its data"
        };
        draft.note(name, format!("--destroy-data {name} has no effect: {why}"));
    }
}

fn finished(mut draft: Draft<'_>, playbook: &Playbook) -> Plan {
    for host in left_out::hosts(draft.observed) {
        draft.note(host, "left out with --without: neither inspected nor changed");
    }
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
        // A host that did not answer, but whose absence the playbook tolerates, is neither locked nor changed.
        hosts: planned_hosts(draft.desired, playbook, &draft.options.arguments)
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
    Refusal { kind: RefusalKind::NoBroker, phase: Phase::Preflight, problem }
}
