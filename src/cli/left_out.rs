//! `--without`: hosts that are neither contacted nor changed, and when an error says that this leads on.

use std::collections::BTreeSet;

use super::arguments::{Called, Common, Data};
use super::command_line::CommandLine;
use super::exit::Failure;
use super::named_hosts::hosts_named;
use crate::cluster::phrases::listed;
use crate::facts::{Facts, HostFacts, Observation, UnreachableCause};
use crate::inventory::{Desired, Host};
use crate::model::{Advice, HostName};
use crate::plan::{self, Pass};
use crate::playbook::{Arguments, PhaseSettings, Playbook};
use crate::report::FailureCode;
use crate::template::Templates;

/// What was asked for.
pub struct Request<'a> {
    pub common: &'a Common,
    pub called: &'a Called,
    pub data: &'a Data,
    pub desired: &'a Desired,
    pub playbook: &'a Playbook,
    pub templates: &'a Templates,
    pub options: &'a plan::Options,
}

/// The hosts that `--without` names.
///
/// # Errors
/// A name that is no host, all brokers, or the host that the playbook is about.
pub fn named(
    desired: &Desired,
    words: &[String],
    arguments: &Arguments,
) -> Result<BTreeSet<HostName>, Failure> {
    let hosts = hosts_named(desired, "--without", words)?;
    let about = |host: &&Host| {
        let node = Some(host.node());
        node.as_ref() == arguments.subject() || node == arguments.new
    };
    if let Some(host) = desired.hosts.iter().filter(about).find(|host| hosts.contains(&host.name)) {
        return Err(Failure::new(FailureCode::Values, format!("--without {}: this playbook is about it", host.name))
            .next("leave another host out, or none: the playbook itself says whether it can go on while that host is away"));
    }
    if desired.brokers().all(|host| hosts.contains(&host.name)) {
        return Err(Failure::new(FailureCode::Values, "--without leaves out every broker")
            .next("at least one broker must say what the cluster is"));
    }
    Ok(hosts)
}

/// How to go on without the hosts that did not answer: leaving them out, if that gives a plan, or removing them from the cluster.
pub fn ways(request: &Request<'_>, facts: &Facts) -> Vec<Advice> {
    let gone: Vec<&HostName> = facts.unreachable().map(|(host, _)| host).collect();
    let mut advice = Vec::new();
    if gives_a_plan(request, facts, &gone) {
        let names = gone.iter().map(ToString::to_string);
        let data = Data {
            without: request.data.without.iter().cloned().chain(names).collect(),
            ..request.data.clone()
        };
        advice.push(Advice::Sentence(format!(
            "to go on without {}, which is then neither contacted nor changed:",
            listed(&gone)
        )));
        advice.push(Advice::Command(CommandLine::showing(request.common, request.called, &data).to_string()));
    }
    let removes = request.playbook.phases.iter().any(|phase| matches!(phase, PhaseSettings::Remove(_)));
    for host in lost_members(request.desired, facts).into_iter().filter(|_| !removes) {
        advice.push(Advice::Sentence(format!(
            "if {host} is gone for good, this shows how its node is removed from the cluster (replace-node gives its place to another host):"
        )));
        let values = vec![format!("node={host}")];
        let called = Called { playbook: Some("remove-node".to_owned()), values };
        let unlimited = Common { limit: Vec::new(), ..request.common.clone() };
        advice.push(Advice::Command(CommandLine::showing(&unlimited, &called, &Data::default()).to_string()));
    }
    advice
}

/// Whether a plan without these hosts is possible: asked of the planner itself, from what the others have told.
fn gives_a_plan(request: &Request<'_>, facts: &Facts, gone: &[&HostName]) -> bool {
    let arguments = &request.options.arguments;
    let names: Vec<String> = gone.iter().map(ToString::to_string).collect();
    if named(request.desired, &names, arguments).is_err() {
        return false;
    }
    let mut facts = facts.clone();
    facts.hosts.extend(gone.iter().map(|host| ((*host).clone(), Observation::LeftOut)));
    let options = plan::Options { pass: Pass::Before, ..request.options.clone() };
    plan::plan(request.desired, request.playbook, request.templates, &facts, &options).is_ok()
}

/// The hosts whose machine may be gone, and whose node a running one lists as a member.
fn lost_members<'f>(desired: &Desired, facts: &'f Facts) -> Vec<&'f HostName> {
    let may_be_gone = |cause: UnreachableCause| match cause {
        UnreachableCause::NoConnection | UnreachableCause::NameUnknown => true,
        UnreachableCause::SshConfiguration
        | UnreachableCause::HostKeyChanged
        | UnreachableCause::HostKeyUnknown
        | UnreachableCause::AuthenticationRefused
        | UnreachableCause::LoginShell
        | UnreachableCause::NoPrivilege
        | UnreachableCause::SudoPassword
        | UnreachableCause::SudoPasswordRefused
        | UnreachableCause::SudoRule
        | UnreachableCause::Garbled
        | UnreachableCause::TimedOut => false,
    };
    let is_member = |name: &HostName| {
        let node = desired.brokers().find(|host| &host.name == name).map(Host::node);
        let running = desired.brokers().filter_map(|host| facts.host(&host.name).and_then(HostFacts::node));
        node.is_some_and(|node| {
            running.into_iter().any(|other| other.lists(&node) && !other.running.contains(&node))
        })
    };
    facts
        .unreachable()
        .filter(|(name, why)| may_be_gone(why.cause) && is_member(name))
        .map(|(name, _)| name)
        .collect()
}
