use std::collections::BTreeMap;

use crate::cluster::{remedy, view};
use crate::doctor::{Awaits, Cause, Checked, Examination, Examinations, Finding};
use crate::facts::{BrokerState, EnvironmentSetting, Facts, HostFacts, NodeFacts};
use crate::inventory::{Desired, Host};
use crate::model::{Advice, HostName, NodeName, Problem};
use crate::rabbitmq::{BROKER_PACKAGE, BROKER_UNIT};

/// The name under which epmd should know every node, as in `NodeName::rabbit`.
pub(super) const ALIVE: &str = "rabbit";

/// Everything that is known about each host.
pub(super) struct Case<'a> {
    pub desired: &'a Desired,
    pub facts: &'a Facts,
    pub exams: &'a Examinations,
    /// The brokers in the inventory's order.
    pub brokers: Vec<Seen<'a>>,
}

/// One broker's host.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub host: &'a Host,
    /// None: it could not be inspected.
    pub facts: Option<&'a HostFacts>,
    pub exam: Option<&'a Examination>,
}

impl<'a> Case<'a> {
    pub fn new(desired: &'a Desired, facts: &'a Facts, examinations: &'a Examinations) -> Self {
        let seen = |host: &'a Host| Seen {
            host,
            facts: facts.host(&host.name),
            exam: examinations.hosts.get(&host.name),
        };
        Self { desired, facts, exams: examinations, brokers: desired.brokers().map(seen).collect() }
    }

    /// The brokers' hosts in the inventory's order.
    pub fn names(&self) -> Vec<HostName> {
        self.brokers.iter().map(|seen| seen.host.name.clone()).collect()
    }

    /// The hosts that answered, with their facts.
    pub fn reached(&self) -> impl Iterator<Item = (&Seen<'a>, &'a HostFacts)> {
        self.brokers.iter().filter_map(|seen| Some((seen, seen.facts?)))
    }

    /// The running nodes, with their facts.
    pub fn running(&self) -> Vec<(&'a Host, &'a NodeFacts)> {
        view::running(self.desired, self.facts)
    }

    pub fn seen(&self, name: &HostName) -> Option<&Seen<'a>> {
        self.brokers.iter().find(|seen| &seen.host.name == name)
    }

    /// The broker whose cluster, settings and cookie `rabbitup up` uses as the reference.
    pub fn anchor(&self) -> Option<&'a HostName> {
        view::anchor(self.desired, self.facts).map(|host| &host.name)
    }
}

impl<'a> Seen<'a> {
    pub fn node(&self) -> NodeName {
        self.host.node()
    }

    pub fn running(&self) -> Option<&'a NodeFacts> {
        self.facts?.node()
    }

    /// Whether RabbitMQ is installed.
    pub fn is_installed(&self) -> bool {
        self.facts.is_some_and(|facts| {
            facts.installed(BROKER_PACKAGE).is_some()
                || facts.unit(BROKER_UNIT).exists
                || facts.broker != BrokerState::Down
        })
    }

    /// Whether an Erlang VM of a broker runs, in any state.
    pub fn has_vm(&self) -> bool {
        self.facts.is_some_and(|facts| facts.broker != BrokerState::Down)
            || self.exam.is_some_and(|exam| exam.vm.is_some())
    }

    /// A setting of the broker's environment.
    pub fn setting(&self, name: &str) -> Option<&'a EnvironmentSetting> {
        self.facts?.environment.get(name)
    }

    /// A command to paste here that runs as root on this host.
    pub fn shell(&self, command: &str) -> Advice {
        remedy::shell(self.host, self.facts, command)
    }

    /// The command as root runs it on this host.
    pub fn as_root(&self, command: &str) -> String {
        remedy::as_root(self.facts, command)
    }
}

/// `rabbitup` with these words.
pub(super) fn rabbitup(words: impl Into<String>) -> Advice {
    Advice::Rabbitup(words.into())
}

pub(super) fn sentence(words: impl Into<String>) -> Advice {
    Advice::Sentence(words.into())
}

/// The findings so far, and the number of observations.
#[derive(Default)]
pub(super) struct Notes {
    findings: Vec<Finding>,
    looks: BTreeMap<&'static str, usize>,
}

impl Notes {
    /// Counts one observation of a check.
    pub fn checked(&mut self, cause: Cause) {
        *self.looks.entry(cause.check()).or_default() += 1;
    }

    pub fn has(&self, cause: Cause, host: &HostName) -> bool {
        self.findings.iter().any(|found| found.cause == cause && found.host() == Some(host))
    }

    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// The findings, and the checks in the order of the walk.
    pub fn into_parts(self) -> (Vec<Finding>, Vec<Checked>) {
        let mut checked: Vec<Checked> = Vec::new();
        for check in Cause::ALL.iter().map(|cause| cause.check()) {
            let wrong = self.findings.iter().filter(|found| found.cause.check() == check).count();
            let looks = self.looks.get(check).copied().unwrap_or_default();
            if looks > 0 && !checked.iter().any(|known| known.check == check) {
                checked.push(Checked { check, looks, wrong });
            }
        }
        (self.findings, checked)
    }
}

impl Finding {
    /// A finding on a host.
    pub(super) fn on(host: &HostName, cause: Cause, what: impl Into<String>) -> Self {
        let of_cluster = Self::of(cause, what);
        Self { problem: of_cluster.problem.on(host), ..of_cluster }
    }

    /// A finding whose words are known, with its host.
    pub(super) fn of_problem(cause: Cause, problem: Problem) -> Self {
        Self { problem, ..Self::of(cause, String::new()) }
    }

    /// A finding that concerns the whole cluster.
    pub(super) fn of(cause: Cause, what: impl Into<String>) -> Self {
        Self { cause, problem: Problem::bare(what), peer: None, awaits: Awaits::Nothing, consequence: false }
    }

    /// The host where it was found; none: the whole cluster.
    pub fn host(&self) -> Option<&HostName> {
        self.problem.host.as_ref()
    }

    pub(super) fn peer(self, peer: &HostName) -> Self {
        Self { peer: Some(peer.clone()), ..self }
    }

    /// A node that does not run waits for this.
    pub(super) fn awaits(self, awaits: Awaits) -> Self {
        Self { awaits, ..self }
    }

    pub(super) fn seen(mut self, line: impl Into<String>) -> Self {
        self.problem.cause.why.push(line.into());
        self
    }

    pub(super) fn fix(mut self, advice: Advice) -> Self {
        self.problem.cause.next.push(advice);
        self
    }
}
