//! The combined view of all nodes' facts: which cluster is the relevant one, its members, disagreements.

use std::collections::BTreeSet;

use super::phrases::listed;
use crate::facts::{BrokerState, Facts, HostFacts, MetadataStore, NodeFacts, Partition};
use crate::inventory::{Desired, Host};
use crate::model::NodeName;
use crate::rabbitmq::BROKER_UNIT;

/// The broker whose cluster the others join: the seed node, unless it is blank or alone while another broker
/// already has a cluster or data: a join wipes the joining node, so the empty one always joins. The data of a
/// node that cannot be queried is unknown; the join step checks again right before.
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

/// Whether a node is in a cluster or has data: not one that has just started blank.
fn is_established(node: &NodeFacts) -> bool {
    node.members.len() > 1 || !node.holdings.is_empty()
}

/// Whether a node was removed from its cluster on purpose: its unit is disabled, as by `remove-node`, and none of
/// the running brokers lists it. If none runs this is unknown.
pub fn is_retired(desired: &Desired, facts: &Facts, host: &Host) -> bool {
    let peers = running(desired, facts);
    let is_off = facts
        .host(&host.name)
        .is_some_and(|seen| seen.broker == BrokerState::Down && seen.unit(BROKER_UNIT).enabled == "disabled");
    is_off && !peers.is_empty() && peers.iter().all(|(_, node)| !node.lists(&host.node()))
}

/// The evidence that its cluster has forgotten a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// Mnesia's data records these members of the cluster.
    Notes(Vec<NodeName>),
    /// It was removed on purpose, and its data is still in place.
    Retired,
    /// RabbitMQ in it was stopped, as by a remote removal, and its Erlang VM still runs.
    StoppedInside,
    /// Khepri does not record it: it may never have been a member.
    Unknown,
}

/// Whether a stopped node was forgotten by the cluster of `seed`, which does not list it although it has data: it
/// would wait for members that do not know it. A node whose data names no other is a standalone broker.
pub fn forgotten(desired: &Desired, facts: &Facts, host: &Host, seed: &NodeFacts) -> Option<Forgotten> {
    let node = host.node();
    let seen = facts.host(&host.name)?;
    let is_outside = seen.node().is_none() && is_established(seed) && !seed.lists(&node);
    let data = seen.data_of(&node).filter(|_| is_outside)?;
    let noted = data.members.iter().map(|member| &member.node);
    let known: Vec<NodeName> =
        noted.filter(|member| **member != node && seed.lists(member)).cloned().collect();
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

/// A reason not to stop a member of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// It is a member and does not run.
    Down(NodeName),
    /// It is a member that is starting: after a boot, this takes a while.
    Starting(NodeName),
    /// It is a member that fails, and that systemd starts again.
    Failing(NodeName),
    /// One does not see the other, which runs: a network problem, or a cluster that has not healed yet.
    Unseen { by: NodeName, node: NodeName },
    /// One cannot see the other: a partition.
    Partition(Partition),
    /// Its host did not answer, or was left out.
    Unasked(NodeName),
    /// Two nodes list different members: how many each.
    Members { one: NodeName, lists: usize, other: NodeName, others: usize },
}

impl std::fmt::Display for Forgotten {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Notes(members) => write!(f, "its data lists {} as members of its cluster", listed(members)),
            Self::Retired => {
                f.write_str("its unit is disabled, as by remove-node, and its data is still in place")
            }
            Self::StoppedInside => f.write_str(
                "RabbitMQ in its Erlang VM was stopped, as by --prune, and its data is still in place",
            ),
            Self::Unknown => f.write_str("its data does not show whether it was a member"),
        }
    }
}

impl std::fmt::Display for Disagreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Down(node) => write!(f, "{node} is a member and does not run"),
            Self::Starting(node) => {
                write!(f, "{node} is a member and is starting (rabbitup run start waits until it serves)")
            }
            Self::Failing(node) => {
                write!(f, "{node} is a member and does not come up (rabbitup doctor shows why)")
            }
            Self::Unseen { by, node } => write!(f, "{by} does not see {node}, which runs"),
            Self::Partition(pair) => write!(f, "{} cannot see {} (a partition)", pair.node, pair.from),
            Self::Unasked(node) => write!(f, "{} was not inspected", node.host()),
            Self::Members { one, lists, other, others } => {
                write!(f, "{one} lists {lists} members, {other} lists {others}")
            }
        }
    }
}

impl Disagreement {
    /// Whether the only reason is that this node is absent.
    pub fn is_absence_of(&self, absent: &NodeName) -> bool {
        matches!(self, Self::Down(node) | Self::Starting(node) | Self::Failing(node) | Self::Unasked(node) if node == absent)
    }
}

/// The reasons not to stop a member of this node's cluster: members that are down or unseen, partitions, and
/// nodes that list other members. Empty if the cluster is complete.
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
        Some(seen) if seen.unit(BROKER_UNIT).failing().is_some() => Disagreement::Failing(member.clone()),
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

/// All of them, as text for a message.
pub fn told(found: &[Disagreement]) -> String {
    let words: Vec<String> = found.iter().map(ToString::to_string).collect();
    words.join("; ")
}

/// The running brokers, with their facts.
pub fn running<'a>(desired: &'a Desired, facts: &'a Facts) -> Vec<(&'a Host, &'a NodeFacts)> {
    desired.brokers().filter_map(|host| Some((host, facts.host(&host.name)?.node()?))).collect()
}
