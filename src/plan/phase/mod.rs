//! One file per phase: a pure function that compares what is wanted with what is there and proposes the steps in
//! between. Their order is the playbook's (playbooks/bring-up.toml).

mod broker_config;
mod cluster_name;
mod cookie;
mod definitions;
mod host_names;
mod hosts_file;
mod join;
pub mod load_balancer;
mod node_types;
mod packages;
mod preflight;
mod restart;
mod start;
mod time;

use super::{Draft, Options, Refusal};
use crate::facts::Facts;
use crate::inventory::Desired;
use crate::playbook::PhaseSettings;
use crate::template::TemplateError;

/// Runs one phase of a playbook.
pub(super) fn run(draft: &mut Draft<'_>, settings: &PhaseSettings) {
    draft.phase = settings.name();
    match settings {
        PhaseSettings::Preflight(floor) => preflight::plan(draft, floor),
        PhaseSettings::HostNames => host_names::plan(draft),
        PhaseSettings::HostsFile => hosts_file::plan(draft),
        PhaseSettings::Packages => packages::plan(draft),
        PhaseSettings::Time => time::plan(draft),
        PhaseSettings::BrokerConfig => broker_config::plan(draft),
        PhaseSettings::Cookie => cookie::plan(draft),
        PhaseSettings::Start(health) => start::plan(draft, health.patience),
        PhaseSettings::Restart(health) => restart::plan(draft, health.patience),
        PhaseSettings::Join(health) => join::plan(draft, health.patience),
        PhaseSettings::NodeTypes => node_types::plan(draft),
        PhaseSettings::ClusterName => cluster_name::plan(draft),
        PhaseSettings::Definitions => definitions::plan(draft),
        PhaseSettings::LoadBalancer => load_balancer::plan(draft),
        // Looks after apply, and changes nothing: see report::health.
        PhaseSettings::Verify(_) => {}
    }
}

/// Hosts that were not reached and without which nothing may be planned: those within `--limit`, and every broker,
/// since membership is what all nodes say.
pub fn unreachable(desired: &Desired, facts: &Facts, options: &Options) -> Vec<Refusal> {
    facts
        .unreachable()
        .filter(|(name, _)| {
            options.limit.covers(name) || desired.brokers().any(|broker| &broker.name == *name)
        })
        .map(|(name, seen)| Refusal {
            host: Some(name.clone()),
            phase: "preflight".to_owned(),
            what: "the host could not be looked at, so nothing is planned".to_owned(),
            why: seen.evidence.clone(),
            advice: "rabbitup status says what to do about it".to_owned(),
        })
        .collect()
}

/// A template that fails with this inventory's values is the same for every host.
fn refuse_template(draft: &mut Draft<'_>, error: &TemplateError) {
    let refusal = Refusal {
        host: None,
        phase: draft.phase.to_owned(),
        what: "a template cannot be rendered".to_owned(),
        why: error.to_string(),
        advice: "rabbitup check shows the place".to_owned(),
    };
    if !draft.refusals.contains(&refusal) {
        draft.refusals.push(refusal);
    }
}
