//! The data of `rabbitup status`, shared by its text and its JSON form.

use crate::facts::{Barrier, BrokerState, Clock, Facts, HostFacts, NodeFacts, Observation};
use crate::inventory::{Desired, Host};
use crate::model::Role;
use crate::rabbitmq::BROKER_UNIT;

use crate::cluster::health::cookie::{Agreement, agreement, reference};
use crate::cluster::health::load_balancer::serves;
use crate::cluster::health::{Finding, Severity, is_healthy};
use crate::cluster::phrases::{counted, grouped};

/// All data of a status.
#[derive(Clone, Copy, Debug)]
pub struct Status<'a> {
    pub desired: &'a Desired,
    pub facts: &'a Facts,
    /// The findings of `health`.
    pub findings: &'a [Finding],
    /// Seconds since 1970, to compute how long nodes have been up.
    pub now: u64,
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
    /// It fails, and systemd starts it again.
    Failing,
    Unreachable,
    /// The host answers, but sudo there does not make the login root.
    SudoFailed,
    /// The host answers, but could not be inspected for another reason.
    NotInspected,
}

/// How a node's cookie compares to the others'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    Agrees,
    /// The one in its file differs from the others'.
    Differs,
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
            Self::Failing => "failing",
            Self::Unreachable => "unreachable",
            Self::SudoFailed => "sudo failed",
            Self::NotInspected => "not inspected",
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
                Some(Agreement::Differs(_)) => Cookie::Differs,
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

    /// `Cluster orders`.
    pub(super) fn title(&self) -> String {
        self.cluster_name()
            .map_or_else(|| "Cluster without a name".to_owned(), |name| format!("Cluster {name}"))
    }

    /// Where the running nodes store their metadata, each once.
    pub(super) fn stores(&self) -> Vec<String> {
        let stores = self.rows().into_iter().filter_map(|row| Some(row.node?.metadata_store.to_string()));
        grouped(stores.map(|store| (store, ()))).into_iter().map(|(store, _)| store).collect()
    }

    /// Whether the cluster is healthy in a word, and how much of it works in a sentence.
    pub(super) fn verdict(&self) -> (&'static str, String) {
        let tally = self.counted();
        let word = if is_healthy(self.findings) { "Healthy" } else { "Unhealthy" };
        let verb = if tally.brokers == 1 { "runs" } else { "run" };
        let mut words = format!("{} of {} {verb}", tally.running, counted(tally.brokers, "node"));
        if tally.load_balancers > 0 && tally.serving == tally.load_balancers {
            let (all, verb) =
                (tally.load_balancers, if tally.load_balancers == 1 { "serves" } else { "serve" });
            words.push_str(&format!(", {} {verb} them", counted(all, "load balancer")));
        } else if tally.load_balancers > 0 {
            let all = counted(tally.load_balancers, "load balancer");
            words.push_str(&format!(", {} of {all} serves them", tally.serving));
        }
        let mut problems = Vec::new();
        if tally.errors > 0 {
            problems.push(counted(tally.errors, "error"));
        }
        if tally.warnings > 0 {
            problems.push(counted(tally.warnings, "warning"));
        }
        if !problems.is_empty() {
            words.push_str(&format!("; {}", problems.join(", ")));
        }
        (word, format!("{words}."))
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
            None | Some(Observation::LeftOut) => State::NotInspected,
            Some(Observation::Unreachable(why)) => match why.cause.barrier() {
                Barrier::Login => State::Unreachable,
                Barrier::Sudo => State::SudoFailed,
                Barrier::Session => State::NotInspected,
            },
            Some(Observation::Reached(seen)) => match &seen.broker {
                BrokerState::Running(node) if node.maintenance => State::Maintenance,
                BrokerState::Running(_) => State::Running,
                BrokerState::AppStopped | BrokerState::Down | BrokerState::Unknown(_)
                    if seen.unit(BROKER_UNIT).failing().is_some() =>
                {
                    State::Failing
                }
                BrokerState::AppStopped => State::AppStopped,
                BrokerState::CookieRefused => State::CookieRefused,
                BrokerState::Down => State::Down,
                BrokerState::Unknown(_) | BrokerState::Unsupported(_) => State::Unknown,
            },
        }
    }
}

/// How long the node has been up: by its own monotonic uptime, else by the clocks.
pub(super) fn uptime(node: &NodeFacts, now: u64) -> Option<u64> {
    node.uptime_s.or_else(|| Some(now.saturating_sub(node.started?)))
}

/// The number of queues that the node leads, as it reports.
pub(super) fn leads(node: &NodeFacts) -> usize {
    node.queues.iter().filter(|queue| queue.leader.as_ref() == Some(&node.name)).count()
}

/// The node's type, as it reports.
pub(super) fn node_type(node: &NodeFacts) -> Option<&'static str> {
    node.members.iter().find(|member| member.node == node.name).map(|member| member.node_type.as_str())
}
