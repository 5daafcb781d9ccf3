//! How the facts of all nodes are read together: which cluster is the one, who belongs to it, who disagrees.

use std::collections::BTreeSet;

use crate::facts::{BrokerState, Facts, HostFacts, NodeFacts, Partition};
use crate::inventory::{Desired, Host};
use crate::model::NodeName;
use crate::rabbitmq::BROKER_UNIT;

/// The broker whose cluster the others join. That is the seed node, unless it is blank or alone while another broker
/// already holds a cluster or data: a join wipes the joiner, so it is always the empty one that moves. What a
/// node holds that cannot be asked is not known; joining looks again at the last moment.
pub fn anchor<'d>(desired: &'d Desired, facts: &Facts) -> Option<&'d Host> {
    let established = |host: &&Host| {
        let node = facts.host(&host.name).and_then(HostFacts::node);
        node.is_some_and(|node| node.members.len() > 1 || !node.holdings.is_empty())
    };
    let was_member = |host: &&Host| {
        let seen = facts.host(&host.name).filter(|seen| seen.node().is_none());
        seen.and_then(|seen| seen.data_of(&host.node())).is_some_and(|data| data.members.len() > 1)
    };
    let unasked_data = |host: &&Host| {
        let seen = facts.host(&host.name).filter(|seen| seen.node().is_none());
        seen.is_some_and(|seen| seen.data_of(&host.node()).is_some())
    };
    let seed = desired.brokers().next();
    let seed_has_data =
        |seed: &&Host| facts.host(&seed.name).is_some_and(|seen| seen.data_of(&seed.node()).is_some());
    desired
        .brokers()
        .find(established)
        .or_else(|| desired.brokers().find(was_member))
        .or_else(|| seed.filter(seed_has_data))
        .or_else(|| desired.brokers().find(unasked_data))
        .or(seed)
}

/// Whether a node lists another as a member.
pub fn lists(node: &NodeFacts, other: &NodeName) -> bool {
    node.members.iter().any(|member| &member.node == other)
}

/// Whether a node belongs to no cluster but its own.
pub fn is_alone(node: &NodeFacts) -> bool {
    node.members.iter().all(|member| member.node == node.name)
}

/// Something that speaks against stopping a member of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// It is a member and does not run.
    Down(NodeName),
    /// It is a member that its host starts just now: after a boot, that takes it a while.
    Starting(NodeName),
    /// The one does not see the other, which runs: the network, or a cluster that has not healed yet.
    Unseen { by: NodeName, node: NodeName },
    /// The one cannot see the other.
    Partition(Partition),
    /// Its host did not answer.
    Unasked(NodeName),
    /// The one lists so many members, the other so many, and not the same.
    Members { one: NodeName, lists: usize, other: NodeName, others: usize },
}

impl std::fmt::Display for Disagreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Down(node) => write!(f, "{node} is a member and does not run"),
            Self::Starting(node) => {
                write!(
                    f,
                    "{node} is a member and is starting just now (rabbitup run start waits until it serves)"
                )
            }
            Self::Unseen { by, node } => write!(f, "{by} does not see {node}, which runs"),
            Self::Partition(pair) => write!(f, "{} cannot see {} (a partition)", pair.node, pair.from),
            Self::Unasked(node) => write!(f, "{} could not be asked", node.host()),
            Self::Members { one, lists, other, others } => {
                write!(f, "{one} lists {lists} members, {other} lists {others}")
            }
        }
    }
}

impl Disagreement {
    /// Whether it is only that this node is not there.
    pub fn is_absence_of(&self, absent: &NodeName) -> bool {
        matches!(self, Self::Down(node) | Self::Starting(node) | Self::Unasked(node) if node == absent)
    }
}

/// What speaks against stopping a member of this node's cluster: members that are down or unseen, partitions, and
/// nodes that list other members. Empty where the cluster is whole.
pub fn disagreements(desired: &Desired, facts: &Facts, node: &NodeFacts) -> Vec<Disagreement> {
    let members: BTreeSet<&NodeName> = node.members.iter().map(|m| &m.node).collect();
    let down = members.iter().filter(|member| !node.running.contains(member));
    let state = |member: &NodeName| {
        let host = desired.brokers().find(|host| host.node() == *member);
        host.and_then(|host| facts.host(&host.name))
    };
    let absent = |member: &NodeName| match state(member) {
        Some(seen) if seen.node().is_some() => {
            Disagreement::Unseen { by: node.name.clone(), node: member.clone() }
        }
        Some(seen) if seen.unit(BROKER_UNIT).active == "activating" => Disagreement::Starting(member.clone()),
        _ => Disagreement::Down(member.clone()),
    };
    let mut found: Vec<Disagreement> = down.map(|member| absent(member)).collect();
    found.extend(node.partitions.iter().cloned().map(Disagreement::Partition));
    for host in desired.brokers().filter(|host| members.contains(&host.node())) {
        match facts.host(&host.name).map(|f| &f.broker) {
            None => found.push(Disagreement::Unasked(host.node())),
            Some(BrokerState::Running(other)) => {
                let theirs: BTreeSet<&NodeName> = other.members.iter().map(|m| &m.node).collect();
                if theirs != members {
                    found.push(Disagreement::Members {
                        one: other.name.clone(),
                        lists: theirs.len(),
                        other: node.name.clone(),
                        others: members.len(),
                    });
                }
            }
            Some(_) => {}
        }
    }
    found
}

/// All of them, for a sentence.
pub fn told(found: &[Disagreement]) -> String {
    let words: Vec<String> = found.iter().map(ToString::to_string).collect();
    words.join("; ")
}

/// The brokers that run, with what they say.
pub fn running<'a>(desired: &'a Desired, facts: &'a Facts) -> Vec<(&'a Host, &'a NodeFacts)> {
    desired.brokers().filter_map(|host| Some((host, facts.host(&host.name)?.node()?))).collect()
}

/// `a, b and c`, for sentences.
pub fn listed(items: impl IntoIterator<Item: ToString>) -> String {
    crate::document::listed(items.into_iter().map(|item| item.to_string()), "and")
}

/// `1 queue`, `3 queues`.
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
