//! The data of `rabbitup status`, shared by its text and its JSON form.

use crate::facts::{BrokerState, Clock, Facts, HostFacts, NodeFacts, Observation};
use crate::inventory::{Desired, Host};
use crate::model::{DigestKey, Role};

use crate::cluster::health::cookie::{Agreement, agreement, reference};
use crate::cluster::health::load_balancer::serves;
use crate::cluster::health::{Finding, Severity};
use crate::cluster::phrases::grouped;

/// All data of a status.
#[derive(Clone, Copy, Debug)]
pub struct Status<'a> {
    pub desired: &'a Desired,
    pub facts: &'a Facts,
    /// The findings of `health`.
    pub findings: &'a [Finding],
    /// Seconds since 1970, to compute how long nodes have been up.
    pub now: u64,
    /// Key for short digests of cookies, comparable only within this status.
    pub key: DigestKey,
}

/// One broker as a row.
pub(super) struct Row<'a> {
    pub host: &'a Host,
    pub state: State,
    pub node: Option<&'a NodeFacts>,
    pub clock: Option<Clock>,
    pub cookie: Cookie,
}

/// The state of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Running,
    Maintenance,
    AppStopped,
    CookieRefused,
    Down,
    Unknown,
    Unreachable,
}

/// How a node's cookie compares to the others'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    Agrees,
    /// The keyed digest of the cookie in its file.
    Differs(String),
    RunningDiffers,
    Unknown,
}

/// How much of the cluster works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub brokers: usize,
    pub running: usize,
    pub load_balancers: usize,
    pub serving: usize,
    pub errors: usize,
    pub warnings: usize,
}

impl State {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Maintenance => "maintenance",
            Self::AppStopped => "app stopped",
            Self::CookieRefused => "other cookie",
            Self::Down => "down",
            Self::Unknown => "no answer",
            Self::Unreachable => "unreachable",
        }
    }
}

impl<'a> Status<'a> {
    /// The brokers in the inventory's order.
    pub(super) fn rows(&self) -> Vec<Row<'a>> {
        let reference = reference(self.desired, self.facts).map(|(_, digest)| digest);
        let row = |host: &'a Host| {
            let seen = self.facts.host(&host.name);
            let cookie = match seen.zip(reference).map(|(seen, reference)| agreement(seen, reference)) {
                Some(Agreement::Agrees) => Cookie::Agrees,
                Some(Agreement::Differs(digest)) => Cookie::Differs(digest.keyed(self.key)),
                Some(Agreement::RunningDiffers) => Cookie::RunningDiffers,
                Some(Agreement::Unknown) | None => Cookie::Unknown,
            };
            Row {
                host,
                state: self.state(host),
                node: seen.and_then(HostFacts::node),
                clock: seen.and_then(|seen| seen.clock),
                cookie,
            }
        };
        self.desired.brokers().map(row).collect()
    }

    /// The load balancers that answered, in the inventory's order.
    pub(super) fn load_balancers(&self) -> impl Iterator<Item = (&'a Host, Option<&'a HostFacts>)> {
        let facts = self.facts;
        self.desired.with_role(Role::LoadBalancer).map(move |host| (host, facts.host(&host.name)))
    }

    /// The cluster's name as reported by the nodes, else from the inventory.
    pub(super) fn cluster_name(&self) -> Option<&'a str> {
        let said = self.desired.brokers().find_map(|host| self.facts.host(&host.name)?.node());
        said.map(|node| node.cluster_name.as_str()).or(self.desired.cluster.name.as_deref())
    }

    pub(super) fn counted(&self) -> Counted {
        let rows = self.rows();
        // As shown: the same finding on many hosts counts once.
        let of = |severity| {
            let found = self.findings.iter().filter(|finding| finding.severity == severity);
            grouped(found.map(|finding| ((&finding.problem.what, &finding.problem.cause.next), ()))).len()
        };
        Counted {
            brokers: rows.len(),
            running: rows.iter().filter(|row| row.node.is_some()).count(),
            load_balancers: self.load_balancers().count(),
            serving: self.load_balancers().filter(|(_, seen)| seen.is_some_and(serves)).count(),
            errors: of(Severity::Error),
            warnings: of(Severity::Warning),
        }
    }

    fn state(&self, host: &Host) -> State {
        match self.facts.hosts.get(&host.name) {
            None | Some(Observation::Unreachable(_)) => State::Unreachable,
            Some(Observation::Reached(seen)) => match &seen.broker {
                BrokerState::Running(node) if node.maintenance => State::Maintenance,
                BrokerState::Running(_) => State::Running,
                BrokerState::AppStopped => State::AppStopped,
                BrokerState::CookieRefused => State::CookieRefused,
                BrokerState::Down => State::Down,
                BrokerState::Unknown(_) | BrokerState::Unsupported(_) => State::Unknown,
            },
        }
    }
}

/// How long the node has been up: by its own monotonic uptime, else by the clocks.
pub(super) fn uptime(node: &NodeFacts, now: u64) -> u64 {
    if node.uptime_s > 0 { node.uptime_s } else { now.saturating_sub(node.started) }
}

/// The number of queues that the node leads, as it reports.
pub(super) fn leads(node: &NodeFacts) -> usize {
    node.queues.iter().filter(|queue| queue.leader.as_ref() == Some(&node.name)).count()
}

/// The node's type, as it reports.
pub(super) fn node_type(node: &NodeFacts) -> Option<&'static str> {
    node.members.iter().find(|member| member.node == node.name).map(|member| member.node_type.as_str())
}
