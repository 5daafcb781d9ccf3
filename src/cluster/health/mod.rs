//! What is wrong with a cluster, derived from facts and desired state.

mod access;
pub(crate) mod broker;
pub(crate) mod cookie;
pub(crate) mod host;
pub(crate) mod load_balancer;
pub(crate) mod membership;
pub(crate) mod queues;
mod virtual_address;

use serde::{Deserialize, Serialize};

pub use access::access;

use crate::facts::Facts;
use crate::inventory::Desired;
use crate::model::{Advice, HostName, Problem};

/// The advice for anything found during a run.
pub const WAIT_FOR_IT: &str = "wait until that run ends, then check again";

/// The severity of a finding.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something does not work, or is about to stop working: the cluster is unhealthy.
    Error,
    /// It works, but needs attention.
    Warning,
    /// Good to know.
    Note,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// Without a host it concerns the cluster as a whole. What was seen is part of `what`.
    pub problem: Problem,
}

/// Everything that is wrong, the worst first, then in the inventory's order.
pub fn health(desired: &Desired, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    // The host of a leaving node is not checked.
    let leaving = desired.leaving_host().map(|host| &host.name);
    for host in desired.hosts.iter().filter(|host| Some(&host.name) != leaving) {
        host::check(desired, facts, host, &mut findings);
    }
    membership::check(desired, facts, &mut findings);
    queues::check(&membership::running_nodes(desired, facts), &mut findings);
    cookie::check(desired, facts, &mut findings);
    load_balancer::check(desired, facts, &mut findings);
    virtual_address::check(desired, facts, &mut findings);
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// The findings, with the only right advice during a run: what it has stopped, drained or taken out of
/// the balancer comes back at its end, and an operator who did that now would interfere.
pub fn advised(mut findings: Vec<Finding>, facts: &Facts) -> Vec<Finding> {
    if facts.under_way().next().is_some() {
        findings.iter_mut().for_each(|finding| {
            finding.problem.cause.next = vec![Advice::Sentence(WAIT_FOR_IT.to_owned())];
        });
    }
    findings
}

/// Whether none of the findings is an error.
pub fn is_healthy(findings: &[Finding]) -> bool {
    !findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// Collects the findings of one host.
struct Notebook<'a> {
    host: Option<&'a HostName>,
    findings: &'a mut Vec<Finding>,
}

impl Notebook<'_> {
    fn add(&mut self, severity: Severity, what: impl Into<String>, advice: impl Into<String>) {
        let problem = Problem { host: self.host.cloned(), ..Problem::new(what, "", advice.into()) };
        self.findings.push(Finding { severity, problem });
    }
}
