use std::collections::BTreeSet;

use super::{Draft, data_place, own_data};
use crate::cluster::phrases::listed;
use crate::facts::{BrokerState, HoldingCounts, NodeFacts};
use crate::inventory::Host;
use crate::model::{NodeName, NodeType, Version};
use crate::operation::{EnterCluster, ForgetNode, JoinCluster, JoinCommand, Operation};
use crate::plan::{Change, Proposal, StepId};
use crate::playbook::{Minutes, Phase};
use crate::rabbitmq::{BROKER_PACKAGE, BROKER_UNIT, has_ram_nodes, joins_while_running};

/// Brings the brokers that are not members into the cluster, in the inventory's order, one after the other: blank ones
/// at their first start, those that already run by `join_cluster`.
///
/// `join_cluster` wipes the joiner on every version, and on Khepri it does so again to a node that is a member
/// already: only a node that no member lists and that lists nobody but itself is joined, and only when it is empty.
pub fn plan(draft: &mut Draft<'_>, patience: Minutes) {
    let Some(anchor) = draft.desired.host(&draft.anchor) else { return };
    for host in draft.brokers() {
        let Some(facts) = draft.host(&host.name).filter(|_| host.name != anchor.name) else { continue };
        let broker = facts.broker.clone();
        let seed = draft.host(&anchor.name).and_then(|facts| facts.node()).cloned();
        match (broker, seed) {
            (BrokerState::Down, seed) if draft.enters_at_first_start(host) => {
                enter(draft, host, anchor, seed.as_ref(), patience);
            }
            (BrokerState::Running(_), None) => draft.refuse(
                &host.name,
                format!("{} cannot join: {} does not serve", host.node(), anchor.node()),
                "the node whose cluster it is to join does not answer",
                format!("start {} first, or include it in --limit", anchor.name),
            ),
            (BrokerState::Running(node), Some(seed)) => {
                match (seed.lists(&node.name), node.lists(&seed.name)) {
                    (true, true) => {}
                    (true, false) => refuse_ghost(draft, host, anchor),
                    (false, true) => refuse_forgotten(draft, host, &node, &seed),
                    (false, false) if !node.is_alone() => refuse_other_cluster(draft, host, &node, &seed),
                    (false, false) => join(draft, host, (&node, &seed), patience),
                }
            }
            _ => {}
        }
    }
}

fn enter(draft: &mut Draft<'_>, host: &Host, anchor: &Host, seed: Option<&NodeFacts>, patience: Minutes) {
    let (node, names) = (host.node(), draft.desired.cluster.names);
    match seed {
        None => draft.refuse(
            &host.name,
            format!("{node} cannot be started before {} serves", anchor.node()),
            format!("{node} is blank and is to enter the cluster of {} at its first start", anchor.node()),
            format!("include {} in --limit, or start it first", anchor.name),
        ),
        Some(seed) if seed.lists(&node) => refuse_ghost(draft, host, anchor),
        Some(seed) => {
            let seed = seed.name.clone();
            let title = format!("start {node}, which enters the cluster of {seed}");
            let waits_for = queue(draft, &node);
            let patience_s = patience.seconds();
            draft.place_files(&host.name, &waits_for);
            let operation = EnterCluster { node: node.clone(), names, seed, patience_s };
            draft.propose(
                Proposal::new(&host.name, "start", Change::Command, operation)
                    .title(title)
                    .because("blank, and not a member yet")
                    .after(waits_for)
                    .within(750 + patience.seconds()),
            );
        }
    }
}

fn join(draft: &mut Draft<'_>, host: &Host, (node, seed): (&NodeFacts, &NodeFacts), patience: Minutes) {
    let unknown = seed.flags_unknown_to(node);
    if !unknown.is_empty() {
        return refuse_flags(draft, host, (node, seed), &unknown);
    }
    let named = draft.options.destroy_data.contains(&host.name);
    if !node.holdings.is_empty() && !named {
        return refuse_data(draft, host, node, seed);
    }
    let version =
        draft.host(&host.name).and_then(|f| f.installed(BROKER_PACKAGE)).and_then(|v| Version::parse(v).ok());
    let version = version.unwrap_or(node.rabbitmq_version);
    let method =
        if joins_while_running(version) { JoinCommand::JoinRunning } else { JoinCommand::StopJoinStart };
    let ram =
        host.node_type == Some(NodeType::Ram) && has_ram_nodes(version) && super::node_types::has_types(seed);
    let node_type = if ram { NodeType::Ram } else { NodeType::Disc };
    let waits_for = queue(draft, &node.name);
    let may_destroy = if named { named_data(draft, host, node) } else { HoldingCounts::NOTHING };
    let how = match method {
        JoinCommand::StopJoinStart => "stop_app, join_cluster, start_app",
        JoinCommand::JoinRunning => "join_cluster",
    };
    let reason = match (may_destroy == HoldingCounts::NOTHING, was_seen(draft, host)) {
        (false, _) => {
            "it runs alone, and what it holds may go; whether there is more by now is checked right before"
        }
        (true, true) => "it runs alone and holds nothing, which is checked again right before",
        (true, false) => "it belongs to no cluster; that it holds nothing is checked right before",
    };
    let operation = JoinCluster {
        node: node.name.clone(),
        names: draft.desired.cluster.names,
        seed: seed.name.clone(),
        method,
        node_type,
        may_destroy,
        patience_s: patience.seconds(),
    };
    draft.propose(
        Proposal::new(&host.name, "join", Change::Command, operation)
            .title(format!("join {} to the cluster of {} ({how})", node.name, seed.name))
            .because(reason)
            .after(waits_for)
            .within(900 + patience.seconds()),
    );
}

/// Whether the node was asked what it holds. One that does not run has it on its disk, where nobody can count it.
fn was_seen(draft: &Draft<'_>, host: &Host) -> bool {
    draft.observed.host(&host.name).is_some_and(|seen| seen.node().is_some())
}

/// What the join of a node that `--destroy-data` names may destroy: what the plan says it holds, and no more. What nobody
/// could look at nobody has agreed to lose.
fn named_data(draft: &mut Draft<'_>, host: &Host, node: &NodeFacts) -> HoldingCounts {
    // A step that --limit leaves out destroys nothing.
    if !draft.options.limit.covers(&host.name) {
        return HoldingCounts::NOTHING;
    }
    if !was_seen(draft, host) {
        draft.note_loss(
            &host.name,
            format!(
                "--destroy-data {}: what {} holds is seen only when it runs; if it holds anything it is started, not \
                 joined, and the next plan lists what it is",
                host.name, node.name
            ),
        );
        return HoldingCounts::NOTHING;
    }
    if !node.holdings.is_empty() {
        draft.note_loss(
            &host.name,
            format!("--destroy-data: joining destroys {}", own_data::told(&node.holdings)),
        );
    }
    node.holdings.counts()
}

/// What the next node to enter has to wait for: the anchor serving, and the entry before it. Where it is still listed it
/// has to be forgotten, too: Mnesia refuses one that it takes for a member (`inconsistent_cluster`), and one that asks
/// while it is being forgotten may found a cluster of its own.
fn queue(draft: &Draft<'_>, node: &NodeName) -> Vec<StepId> {
    let Some(anchor) = draft.desired.host(&draft.anchor) else { return Vec::new() };
    let mut ids = draft.serving_steps(anchor);
    let forgets = |operation: &Operation| matches!(operation, Operation::ForgetNode(ForgetNode { gone, .. }) if gone == node);
    ids.extend(draft.steps_that(forgets));
    let enters =
        |operation: &Operation| matches!(operation, Operation::JoinCluster(_) | Operation::EnterCluster(_));
    ids.extend(draft.steps.iter().rev().find(|step| enters(&step.operation)).map(|step| step.id.clone()));
    ids
}

fn refuse_data(draft: &mut Draft<'_>, host: &Host, node: &NodeFacts, seed: &NodeFacts) {
    draft.refuse(
        &host.name,
        format!("{} holds data of its own, which joining {} would destroy", node.name, seed.name),
        format!("it has {}", own_data::told(&node.holdings)),
        format!("move what is needed first; to let it go, name the node: --destroy-data {}", host.name),
    );
}

/// RabbitMQ would refuse the join, with "incompatible_feature_flags" and no word on which.
fn refuse_flags(
    draft: &mut Draft<'_>,
    host: &Host,
    (node, seed): (&NodeFacts, &NodeFacts),
    unknown: &BTreeSet<String>,
) {
    draft.refuse(
        &host.name,
        format!("{} does not know feature flags that the cluster of {} has enabled", node.name, seed.name),
        format!(
            "unknown to its RabbitMQ {}: {}; {} runs {}",
            node.rabbitmq_version, listed(unknown), seed.name, seed.rabbitmq_version
        ),
        format!(
            "no flag is ever disabled again: {} needs the cluster's RabbitMQ, as in: rabbitup run upgrade version={}",
            host.name, seed.rabbitmq_version
        ),
    );
}

fn refuse_ghost(draft: &mut Draft<'_>, host: &Host, anchor: &Host) {
    // What recover-node refused, it said better.
    if draft
        .refusals
        .iter()
        .any(|refusal| refusal.phase == Phase::Recover && refusal.problem.host.as_ref() == Some(&host.name))
    {
        return;
    }
    let (node, seed) = (host.node(), anchor.node());
    let slept = draft.observed.host(&host.name).and_then(|seen| seen.data_of(&node));
    let remembers: Vec<NodeName> = slept
        .iter()
        .flat_map(|data| &data.members)
        .map(|m| m.node.clone())
        .filter(|member| *member != node)
        .collect();
    if !remembers.is_empty() {
        return draft.refuse(
            &host.name,
            format!("{node} was down while its cluster's membership changed"),
            format!("{seed} lists it; it remembers {}, and no member that runs", listed(&remembers)),
            format!(
                "rabbitup run recover-node node={} tells it who the members are now; it keeps its data",
                host.name
            ),
        );
    }
    let recover = data_place::advice(host, draft.observed.host(&host.name));
    // A power cut may have come between the cluster's note of it and its own: then its boot brings it in.
    let boots =
        draft.observed.host(&host.name).is_some_and(|facts| facts.unit(BROKER_UNIT).active == "activating");
    draft.refuse(
        &host.name,
        format!("{seed} still lists {node}, which knows nothing of it"),
        format!(
            "{node} was reset, its disk replaced or not mounted, without the cluster being told (inconsistent_cluster)"
        ),
        match boots {
            true => format!(
                "it is starting just now: run the same command again in a moment; if this stays, {recover}"
            ),
            false => recover,
        },
    );
}

fn refuse_forgotten(draft: &mut Draft<'_>, host: &Host, node: &NodeFacts, seed: &NodeFacts) {
    draft.refuse(
        &host.name,
        format!(
            "{} considers itself a member of the cluster of {}, which does not list it",
            node.name, seed.name
        ),
        "it was forgotten while it was away; what it holds is the past of that cluster",
        format!("rabbitup run recover-node node={} keeps what it holds aside and brings it back", host.name),
    );
}

fn refuse_other_cluster(draft: &mut Draft<'_>, host: &Host, node: &NodeFacts, seed: &NodeFacts) {
    let others = node.members.iter().map(|m| &m.node).filter(|m| **m != node.name);
    draft.refuse(
        &host.name,
        format!("{} is a member of another cluster", node.name),
        format!("it lists {}; {} does not list it", listed(others), seed.name),
        "take it out of that cluster first, or put the cluster's other members into this inventory",
    );
}
