//! How the facts of all nodes are read together: which cluster is the one, who belongs to it, who disagrees.

use std::collections::BTreeSet;

use crate::facts::{BrokerState, Facts, HostFacts, MetadataStore, NodeFacts, Partition};
use crate::inventory::{Desired, Host};
use crate::model::NodeName;
use crate::rabbitmq::BROKER_UNIT;

/// The broker whose cluster the others join. That is the seed node, unless it is blank or alone while another broker
/// already holds a cluster or data: a join wipes the joiner, so it is always the empty one that moves. What a
/// node holds that cannot be asked is not known; joining looks again at the last moment.
pub fn anchor<'d>(desired: &'d Desired, facts: &Facts) -> Option<&'d Host> {
    let established =
        |host: &&Host| facts.host(&host.name).and_then(HostFacts::node).is_some_and(is_established);
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

/// Whether a node is of a cluster, or holds something itself: not one that was started blank a moment ago.
fn is_established(node: &NodeFacts) -> bool {
    node.members.len() > 1 || !node.holdings.is_empty()
}

/// Whether a node lists another as a member.
pub fn lists(node: &NodeFacts, other: &NodeName) -> bool {
    node.lists(other)
}

/// Whether a node belongs to no cluster but its own.
pub fn is_alone(node: &NodeFacts) -> bool {
    node.is_alone()
}

/// Whether a node was taken out of its cluster on purpose: somebody switched its unit off, as `remove-node` does, and none of
/// the brokers that run lists it. Where none runs nobody knows.
pub fn is_retired(desired: &Desired, facts: &Facts, host: &Host) -> bool {
    let peers = running(desired, facts);
    let is_off = facts
        .host(&host.name)
        .is_some_and(|seen| seen.broker == BrokerState::Down && seen.unit(BROKER_UNIT).enabled == "disabled");
    is_off && !peers.is_empty() && peers.iter().all(|(_, node)| !lists(node, &host.node()))
}

/// How a node shows that its cluster has forgotten it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// Mnesia notes these members of the cluster in its data.
    Notes(Vec<NodeName>),
    /// It was taken out on purpose, and its data is still in place.
    Retired,
    /// RabbitMQ in it was stopped, as a removal from afar does, and its Erlang VM still runs.
    StoppedInside,
    /// With Khepri there is no such note: it may as well never have been a member.
    Unknown,
}

/// Whether a node that does not run was forgotten by the cluster of `seed`, which does not list it though it has data: it
/// would wait for members that do not know it. One whose notes name nobody else is a broker of its own.
pub fn forgotten(desired: &Desired, facts: &Facts, host: &Host, seed: &NodeFacts) -> Option<Forgotten> {
    let node = host.node();
    let seen = facts.host(&host.name)?;
    let is_outside = seen.node().is_none() && is_established(seed) && !lists(seed, &node);
    let data = seen.data_of(&node).filter(|_| is_outside)?;
    let noted = data.members.iter().map(|member| &member.node);
    let known: Vec<NodeName> =
        noted.filter(|member| **member != node && lists(seed, member)).cloned().collect();
    if !known.is_empty() {
        return Some(Forgotten::Notes(known));
    }
    if is_retired(desired, facts, host) {
        return Some(Forgotten::Retired);
    }
    if seed.metadata_store == MetadataStore::Mnesia || !data.members.is_empty() {
        return None;
    }
    let stopped = seen.broker == BrokerState::AppStopped && seen.unit(BROKER_UNIT).is_active();
    Some(if stopped { Forgotten::StoppedInside } else { Forgotten::Unknown })
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

impl std::fmt::Display for Forgotten {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Notes(members) => write!(f, "its data notes {} as members of its cluster", listed(members)),
            Self::Retired => {
                f.write_str("its unit is disabled, as remove-node leaves it, and its data is still in place")
            }
            Self::StoppedInside => f.write_str(
                "RabbitMQ in its Erlang VM was stopped, as --prune leaves it, and its data is still in place",
            ),
            Self::Unknown => f.write_str("its data does not tell whether it was a member"),
        }
    }
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
