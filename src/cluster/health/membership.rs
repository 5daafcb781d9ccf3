use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Notebook, Severity};
use crate::cluster::endpoints::distribution;
use crate::cluster::phrases::{folded, grouped, listed};
use crate::facts::{BrokerState, Facts, NodeFacts};
use crate::inventory::{Desired, Host};
use crate::model::NodeName;

/// What the nodes report about each other: members, running nodes, partitions, alarms, versions, the cluster's name.
pub(super) fn check(desired: &Desired, facts: &Facts, findings: &mut Vec<Finding>) {
    let nodes: Vec<(&Host, &NodeFacts)> = running_nodes(desired, facts);
    views(&nodes, findings);
    unknown_members(desired, &nodes, findings);
    outsiders(&nodes, findings);
    estranged(desired, facts, &nodes, findings);
    partitions(&nodes, findings);
    unseen(desired, facts, &nodes, findings);
    unlinked(&nodes, findings);
    alarms(&nodes, findings);
    differences(&nodes, findings);
}

/// The running brokers of the inventory, with their facts.
pub(crate) fn running_nodes<'a>(desired: &'a Desired, facts: &'a Facts) -> Vec<(&'a Host, &'a NodeFacts)> {
    desired
        .brokers()
        .filter_map(|host| facts.host(&host.name).and_then(|seen| seen.node()).map(|node| (host, node)))
        .collect()
}

/// The different views of the membership, each with the nodes that have it.
pub(crate) fn membership_views<'a>(
    nodes: &[(&'a Host, &'a NodeFacts)],
) -> Vec<(BTreeSet<&'a NodeName>, Vec<&'a Host>)> {
    grouped(nodes.iter().map(|(host, node)| (members(node), *host)))
}

fn members(node: &NodeFacts) -> BTreeSet<&NodeName> {
    node.members.iter().map(|member| &member.node).collect()
}

fn cluster(findings: &mut Vec<Finding>) -> Notebook<'_> {
    Notebook { host: None, findings }
}

fn views(nodes: &[(&Host, &NodeFacts)], findings: &mut Vec<Finding>) {
    let views = membership_views(nodes);
    if views.len() > 1 {
        let words: Vec<String> = views
            .iter()
            .map(|(members, hosts)| {
                let hosts: Vec<_> = hosts.iter().map(|host| &host.name).collect();
                let members: Vec<_> = members.iter().collect();
                format!("{} lists {}", folded(&hosts), folded(&members))
            })
            .collect();
        let what = format!("the nodes disagree about who is a member: {}", words.join("; "));
        cluster(findings).add(Severity::Error, what, recovery(&views));
    }
}

/// How the nodes with the minority view rejoin the others.
fn recovery(views: &[(BTreeSet<&NodeName>, Vec<&Host>)]) -> String {
    // Of views with equally many nodes, that of the inventory's first node counts.
    let most = views.iter().map(|(_, hosts)| hosts.len()).max();
    let main = views.iter().find(|(_, hosts)| Some(hosts.len()) == most);
    let Some((main, _)) = main else { return String::new() };
    // A node that is alone and that no other lists has no cluster to return to.
    let blank =
        |members: &BTreeSet<&NodeName>, host: &Host| members.len() == 1 && !main.contains(&host.node());
    let apart: Vec<_> = views
        .iter()
        .filter(|(members, _)| members != main)
        .flat_map(|(members, hosts)| hosts.iter().filter(|host| !blank(members, host)))
        .map(|host| &host.name)
        .collect();
    match apart.as_slice() {
        [] => "`rabbitup plan` shows which node would join, or why it must not".to_owned(),
        [only] => format!("`rabbitup run recover-node node={only}` brings it back to the others"),
        [first, rest @ ..] => format!(
            "`rabbitup run recover-node node={first}` brings it back to the others; then {}",
            folded(rest)
        ),
    }
}

/// Members that are not in the inventory.
fn unknown_members(desired: &Desired, nodes: &[(&Host, &NodeFacts)], findings: &mut Vec<Finding>) {
    // A node under another name is an error of its host.
    let answering = nodes.iter().map(|(_, node)| node.name.clone());
    let known: BTreeSet<NodeName> = desired.brokers().map(Host::node).chain(answering).collect();
    let all: BTreeSet<&NodeName> = nodes.iter().flat_map(|(_, node)| members(node)).collect();
    for node in all.into_iter().filter(|node| !known.contains(node)) {
        cluster(findings).add(
            Severity::Warning,
            format!("{node} is a member of the cluster, but not in the inventory"),
            "add its host to the inventory, or remove it: `rabbitup up --prune`",
        );
    }
}

/// Running brokers that the first running node of the inventory does not list.
fn outsiders(nodes: &[(&Host, &NodeFacts)], findings: &mut Vec<Finding>) {
    let Some((first, seed)) = nodes.first() else { return };
    let members = members(seed);
    for (host, node) in nodes.iter().skip(1).filter(|(_, node)| !members.contains(&node.name)) {
        Notebook { host: Some(&host.name), findings }.add(
            Severity::Error,
            format!("{} runs, but is not a member of {}'s cluster", node.name, first.name),
            "`rabbitup plan` shows how it would join, or why it must not",
        );
    }
}

/// Brokers that are down and that a start does not fix: their peers and their data disagree.
fn estranged(desired: &Desired, facts: &Facts, nodes: &[(&Host, &NodeFacts)], findings: &mut Vec<Finding>) {
    if nodes.is_empty() {
        return;
    }
    let down = |host: &&Host| facts.host(&host.name).is_some_and(|seen| seen.broker == BrokerState::Down);
    for host in desired.brokers().filter(down) {
        let node = host.node();
        let listed = nodes.iter().any(|(_, other)| members(other).contains(&node));
        let data = facts.host(&host.name).is_some_and(|seen| seen.data_of(&node).is_some());
        let what = match (listed, data) {
            (true, false) => {
                format!("the cluster lists {node}, which has no data on its host and would be refused")
            }
            (false, true) => format!("the cluster has forgotten {node}, whose host still has its data"),
            _ => continue,
        };
        Notebook { host: Some(&host.name), findings }.add(
            Severity::Error,
            what,
            format!("`rabbitup run recover-node node={}` brings it back", host.name),
        );
    }
}

/// Running nodes that another node does not see running, without a reported partition.
fn unseen(desired: &Desired, facts: &Facts, nodes: &[(&Host, &NodeFacts)], findings: &mut Vec<Finding>) {
    let cut: BTreeSet<(&NodeName, &NodeName)> = nodes
        .iter()
        .flat_map(|(_, node)| &node.partitions)
        .flat_map(|pair| [(&pair.node, &pair.from), (&pair.from, &pair.node)])
        .collect();
    for (host, node) in nodes {
        let members = members(node);
        let lost: Vec<&NodeName> = nodes
            .iter()
            .map(|(_, other)| &other.name)
            .filter(|name| members.contains(*name) && !node.running.contains(name))
            .filter(|name| !cut.contains(&(&node.name, *name)))
            .collect();
        if !lost.is_empty() {
            let mut ports: Vec<String> = Vec::new();
            for (other, _) in nodes.iter().filter(|(_, other)| lost.contains(&&other.name)) {
                let range = distribution(desired, facts, other).first().map(ToString::to_string);
                ports.extend(range.filter(|range| !ports.contains(range)));
            }
            Notebook { host: Some(&host.name), findings }.add(
                Severity::Error,
                format!("does not see {} running, although it runs", folded(&lost)),
                format!(
                    "the network between them, a firewall (port {}) or a partition; compare what each node sees",
                    listed(&ports)
                ),
            );
        }
    }
}

/// Nodes that another counts as running without a connection to them: a failure that it has not noticed yet.
fn unlinked(nodes: &[(&Host, &NodeFacts)], findings: &mut Vec<Finding>) {
    for (host, node) in nodes {
        let counted = node.running.iter().filter(|name| **name != node.name);
        let lost: Vec<&NodeName> = counted.filter(|name| !node.links.contains(name)).collect();
        if !lost.is_empty() {
            Notebook { host: Some(&host.name), findings }.add(
                Severity::Warning,
                format!("counts {} as running, but has no connection to it", folded(&lost)),
                "check again in a minute: a lost node is noticed after `net_ticktime` (60 s)",
            );
        }
    }
}

fn partitions(nodes: &[(&Host, &NodeFacts)], findings: &mut Vec<Finding>) {
    let pairs: BTreeSet<_> = nodes.iter().flat_map(|(_, node)| &node.partitions).collect();
    let by_node = grouped(pairs.into_iter().map(|pair| (pair.node.host(), &pair.from)));
    for (host, lost) in by_node {
        Notebook { host: Some(host), findings }.add(
            Severity::Error,
            format!("partitioned: it lost its connection to {}", folded(&lost)),
            "without `cluster_partition_handling` it does not heal by itself: choose the side whose messages to keep, then restart the nodes of \
             the other side, one by one (rabbitmq.com/docs/partitions)",
        );
    }
}

fn alarms(nodes: &[(&Host, &NodeFacts)], findings: &mut Vec<Finding>) {
    let alarms: BTreeSet<&String> = nodes.iter().flat_map(|(_, node)| &node.alarms).collect();
    for alarm in alarms {
        let advice = if alarm.contains("disk") {
            "publishers are blocked in the whole cluster: free disk space on that node"
        } else if alarm.contains("memory") {
            "publishers are blocked in the whole cluster: consume messages, or give that node more memory"
        } else {
            "raise the limit, or close what uses it"
        };
        cluster(findings).add(Severity::Error, format!("alarm: {alarm}"), advice);
    }
}

/// Properties that should be the same on all nodes.
fn differences(nodes: &[(&Host, &NodeFacts)], findings: &mut Vec<Finding>) {
    type Of = fn(&NodeFacts) -> String;
    let properties: [(&str, Of, &str); 4] = [
        (
            "RabbitMQ versions",
            |node| node.rabbitmq_version.to_string(),
            "finish the upgrade: one version on all nodes",
        ),
        ("Erlang versions", |node| node.erlang.clone(), "finish the upgrade: one version on all nodes"),
        // A migration changes all members at once, so this is temporary or a node was left behind.
        (
            "metadata stores",
            |node| node.metadata_store.to_string(),
            "check again in a minute; if it persists, a migration left one node behind: `rabbitup doctor`",
        ),
        (
            "cluster names",
            |node| node.cluster_name.clone(),
            "set `name` under [cluster] and run `rabbitup up`",
        ),
    ];
    for (words, of, advice) in properties {
        let mut values: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (host, node) in nodes {
            values.entry(of(node)).or_default().push(&host.name);
        }
        if values.len() > 1 {
            let values: Vec<String> =
                values.iter().map(|(value, hosts)| format!("{value} on {}", folded(hosts))).collect();
            cluster(findings).add(
                Severity::Warning,
                format!("{words} differ: {}", values.join("; ")),
                advice,
            );
        }
    }
}
