//! One file per phase: a pure function that compares the desired state with the facts and proposes the steps
//! between them. The playbook sets their order (playbooks/bring-up.toml).

mod asked_for;
mod balancer_turns;
mod bring_back;
mod broker_config;
mod broker_file;
mod cloud_hosts;
mod cluster_name;
mod conf_keys;
mod cookie;
mod cookie_rotation;
mod data_place;
mod definable;
mod definitions;
mod environment_file;
mod feature_flags;
mod firewall;
mod forget;
mod forget_offline;
mod full_names;
mod grow;
mod host_names;
mod hosts_file;
mod hosts_text;
mod join;
pub(super) mod live;
pub mod load_balancer;
mod masked;
mod moved_listeners;
mod node_types;
mod only_copies;
mod outranked;
mod over;
mod packages;
mod plugin_files;
mod preflight;
mod prune;
mod reach;
mod rebalance;
mod recover;
mod remove;
mod restart;
mod roll;
mod rolling_restart;
mod selinux;
mod service;
mod start;
mod stop;
mod sync_queue;
mod time;
mod upgrade;
mod vain_boot;
mod virtual_address;

pub(super) use cookie::refuse_in_the_way;
pub(super) use outranked::refuse_identities;

use super::{Draft, Options, Refusal, RefusalKind};
use crate::cluster::view;
use crate::facts::{BrokerState, Facts};
use crate::inventory::Desired;
use crate::model::{HostName, Next, Problem};
use crate::playbook::{Phase, PhaseSettings, Playbook};
use crate::template::TemplateError;

/// Runs one phase of a playbook.
pub(super) fn run(draft: &mut Draft<'_>, settings: &PhaseSettings) {
    draft.phase = settings.phase();
    match settings {
        PhaseSettings::Preflight(floor) => preflight::plan(draft, floor),
        PhaseSettings::HostNames => host_names::plan(draft),
        PhaseSettings::HostsFile => hosts_file::plan(draft),
        PhaseSettings::Packages => packages::plan(draft),
        PhaseSettings::Firewall => firewall::plan(draft),
        PhaseSettings::Selinux => selinux::plan(draft),
        PhaseSettings::Time => time::plan(draft),
        PhaseSettings::BrokerConfig => broker_config::plan(draft),
        PhaseSettings::Cookie => cookie::plan(draft),
        PhaseSettings::Start(health) => start::plan(draft, health.patience),
        PhaseSettings::Service => service::plan(draft),
        PhaseSettings::Upgrade(settings) => upgrade::plan(draft, settings),
        PhaseSettings::Restart(health) => restart::plan(draft, health.patience),
        PhaseSettings::RollingRestart(settings) => rolling_restart::plan(draft, settings),
        PhaseSettings::RotateCookie(health) => cookie_rotation::rotate::plan(draft, health.patience),
        PhaseSettings::SettleCookie => cookie_rotation::settle::plan(draft),
        PhaseSettings::Recover(health) => recover::plan(draft, health.patience),
        PhaseSettings::Join(health) => join::plan(draft, health.patience),
        PhaseSettings::Grow(settings) => grow::plan(draft, settings),
        PhaseSettings::Remove(health) => remove::plan(draft, health.patience),
        PhaseSettings::Prune(health) => prune::plan(draft, health.patience),
        PhaseSettings::NodeTypes => node_types::plan(draft),
        PhaseSettings::ClusterName => cluster_name::plan(draft),
        PhaseSettings::Definitions => definitions::plan(draft),
        PhaseSettings::LoadBalancer => load_balancer::plan(draft),
        PhaseSettings::VirtualAddress => virtual_address::plan(draft),
        PhaseSettings::FeatureFlags => feature_flags::plan(draft),
        PhaseSettings::Rebalance => rebalance::plan(draft),
        PhaseSettings::SyncQueue(health) => sync_queue::plan(draft, health.patience),
        PhaseSettings::CancelSyncQueue => sync_queue::cancel(draft),
        PhaseSettings::Stop => stop::plan(draft),
        // Inspects after apply, and changes nothing: see report::health.
        PhaseSettings::Verify(_) => {}
    }
}

/// What the steps of all phases need of systemd and, in playbooks that check their hosts before, of the network.
pub(super) fn check_steps(draft: &mut Draft<'_>, playbook: &Playbook) {
    draft.phase = Phase::Preflight;
    masked::plan(draft);
    if playbook.phases.iter().any(|phase| matches!(phase, PhaseSettings::Preflight(_))) {
        reach::plan(draft);
    }
}

/// Unreachable hosts without which no plan is made: those within `--limit`, and every broker,
/// since membership is what all nodes report. A playbook that tolerates it proceeds without hosts whose node does not run
/// according to all others, and without the node that leaves.
pub fn unreachable(desired: &Desired, playbook: &Playbook, facts: &Facts, options: &Options) -> Vec<Refusal> {
    facts
        .unreachable()
        .filter(|(name, _)| {
            options.limit.covers(name) || desired.brokers().any(|broker| &broker.name == *name)
        })
        .filter(|(name, _)| !(bears_absence(playbook) && is_down(desired, facts, name)))
        .map(|(name, seen)| {
            let problem = Problem::new(
                "the host could not be inspected, so nothing is planned",
                &seen.evidence,
                Next::say("this shows what to do:").rabbitup("status"),
            );
            Refusal { kind: RefusalKind::Unreachable, phase: Phase::Preflight, problem: problem.on(name) }
        })
        .collect()
}

/// Nodes whose version does not support a question, so that their data and whether they can be stopped are unknown.
/// They serve, so a playbook that treated them as "not running" would be wrong: none changes such a cluster.
pub fn unsupported(facts: &Facts) -> Vec<Refusal> {
    let reached = facts.hosts.keys().filter_map(|name| Some((name, facts.host(name)?)));
    let hosts = reached.filter_map(|(name, facts)| match &facts.broker {
        BrokerState::Unsupported(why) => Some((name, why)),
        BrokerState::Down
        | BrokerState::CookieRefused
        | BrokerState::AppStopped
        | BrokerState::Unknown(_)
        | BrokerState::Running(_) => None,
    });
    hosts
        .map(|(name, why)| {
            let problem = Problem::new(
                "RabbitMQ runs, but its version does not support a query that rabbitup needs",
                why,
                "the node itself may be healthy: use a version of rabbitup that supports this RabbitMQ",
            );
            let kind = RefusalKind::UnsupportedQuestion;
            Refusal { kind, phase: Phase::Preflight, problem: problem.on(name) }
        })
        .collect()
}

/// Whether the playbook can work on a cluster that has lost a host.
fn bears_absence(playbook: &Playbook) -> bool {
    playbook.phases.iter().any(|phase| {
        matches!(
            phase,
            PhaseSettings::RotateCookie(_) | PhaseSettings::SettleCookie | PhaseSettings::Remove(_)
        )
    })
}

/// Whether a host is not a remaining broker, or its node does not run: some node runs, and none sees it running.
fn is_down(desired: &Desired, facts: &Facts, name: &HostName) -> bool {
    let Some(host) = desired.brokers().find(|host| &host.name == name) else {
        return desired.leaving_host().is_some_and(|host| &host.name == name);
    };
    let running = view::running(desired, facts);
    !running.is_empty() && running.iter().all(|(_, node)| !node.running.contains(&host.node()))
}

/// A template that fails with this inventory's values fails for every host.
fn refuse_template(draft: &mut Draft<'_>, error: &TemplateError) {
    let next = Next::say("this shows where:").rabbitup("check");
    let problem = Problem::new("a template cannot be rendered", error.to_string(), next);
    let is_told = draft.refusals.iter().any(|refusal| refusal.problem == problem);
    if !is_told {
        draft.push_refusal(RefusalKind::TemplateFails, problem);
    }
}
