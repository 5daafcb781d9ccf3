use std::collections::BTreeSet;

use super::{Draft, bring_back, data_place};
use crate::cluster::own_data;
use crate::cluster::phrases::listed;
use crate::facts::{BrokerState, HoldingCounts, NodeFacts};
use crate::inventory::Host;
use crate::model::{Advice, Next, NodeName, NodeType, Version};
use crate::operation::{EnterCluster, ForgetNode, JoinCluster, JoinCommand, Operation};
use crate::plan::{Change, Proposal, RefusalKind, StepId};
use crate::playbook::{Minutes, Phase};
use crate::rabbitmq::{BROKER_PACKAGE, BROKER_UNIT, has_ram_nodes, joins_while_running};

/// Adds the brokers that are not members to the cluster, in the inventory's order, one after the other: blank ones
/// at their first start, running ones by `join_cluster`.
///
/// `join_cluster` wipes the joining node on every version, with Khepri even a node that is a member
/// already. So only a node that no member lists, that lists only itself, and that is empty is joined.
pub fn plan(draft: &mut Draft<'_>, patience: Minutes) {
    let Some(anchor) = draft.desired.host(&draft.anchor) else { return };
    for host in draft.brokers() {
        let Some(facts) = draft.host(&host.name).filter(|_| host.name != anchor.name) else { continue };
        let broker = facts.broker.clone();
        let member = draft.host(&anchor.name).and_then(|facts| facts.node()).cloned();
        match (broker, member) {
            (BrokerState::Down, member) if draft.enters_at_first_start(host) => {
                enter(draft, host, anchor, member.as_ref(), patience);
            }
            (BrokerState::Running(_), None) => draft.refuse(
                &host.name,
                RefusalKind::AnchorNotServing,
                format!("{} cannot join: {} does not serve", host.node(), anchor.node()),
                "the node whose cluster it should join does not answer",
                bring_back::next(draft, anchor),
            ),
            (BrokerState::Running(node), Some(member)) => {
                match (member.lists(&node.name), node.lists(&member.name)) {
                    (true, true) => {}
                    (true, false) => refuse_ghost(draft, host, anchor),
                    (false, true) => refuse_forgotten(draft, host, &node, &member),
                    (false, false) if !node.is_alone() => refuse_other_cluster(draft, host, &node, &member),
                    (false, false) => join(draft, host, (&node, &member), patience),
                }
            }
            _ => {}
        }
    }
}

fn enter(draft: &mut Draft<'_>, host: &Host, anchor: &Host, member: Option<&NodeFacts>, patience: Minutes) {
    let (node, names) = (host.node(), draft.desired.cluster.names);
    match member {
        None => draft.refuse(
            &host.name,
            RefusalKind::AnchorNotStarted,
            format!("{node} cannot be started before {} serves", anchor.node()),
            format!("{node} is blank and enters the cluster of {} at its first start", anchor.node()),
            bring_back::next(draft, anchor),
        ),
        Some(member) if member.lists(&node) => refuse_ghost(draft, host, anchor),
        Some(member) => {
            let member = member.name.clone();
            let title = format!("start {node}, which enters the cluster of {member}");
            let waits_for = queue(draft, &node);
            let patience_s = patience.seconds();
            draft.place_files(&host.name, &waits_for);
            let operation = EnterCluster { node: node.clone(), names, join_target: member, patience_s };
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

fn join(draft: &mut Draft<'_>, host: &Host, (node, member): (&NodeFacts, &NodeFacts), patience: Minutes) {
    let unknown = member.flags_unknown_to(node);
    if !unknown.is_empty() {
        return refuse_flags(draft, host, (node, member), &unknown);
    }
    let named = draft.options.destroy_data.contains(&host.name);
    if !node.holdings.is_empty() && !named {
        return refuse_data(draft, host, node, member);
    }
    let version =
        draft.host(&host.name).and_then(|f| f.installed(BROKER_PACKAGE)).and_then(|v| Version::parse(v).ok());
    let version = version.unwrap_or(node.rabbitmq_version);
    let method =
        if joins_while_running(version) { JoinCommand::JoinRunning } else { JoinCommand::StopJoinStart };
    let ram = host.node_type == Some(NodeType::Ram)
        && has_ram_nodes(version)
        && super::node_types::has_types(member);
    let node_type = if ram { NodeType::Ram } else { NodeType::Disc };
    let waits_for = queue(draft, &node.name);
    let may_destroy = if named { named_data(draft, host, node) } else { HoldingCounts::NOTHING };
    let how = match method {
        JoinCommand::StopJoinStart => "stop_app, join_cluster, start_app",
        JoinCommand::JoinRunning => "join_cluster",
    };
    let reason = match (may_destroy == HoldingCounts::NOTHING, was_seen(draft, host)) {
        (false, _) => {
            "it runs alone, and --destroy-data allows its data to be deleted; checked again for newer data right before"
        }
        (true, true) => "it runs alone and has no data; checked again right before",
        (true, false) => "it belongs to no cluster; checked to be empty right before",
    };
    let operation = JoinCluster {
        node: node.name.clone(),
        names: draft.desired.cluster.names,
        join_target: member.name.clone(),
        method,
        node_type,
        may_destroy,
        patience_s: patience.seconds(),
    };
    draft.propose(
        Proposal::new(&host.name, "join", Change::Command, operation)
            .title(format!("join {} to the cluster of {} ({how})", node.name, member.name))
            .because(reason)
            .after(waits_for)
            .within(900 + patience.seconds()),
    );
}

/// Whether the node's holdings were observed. Those of a stopped node are on its disk and cannot be counted.
fn was_seen(draft: &Draft<'_>, host: &Host) -> bool {
    draft.observed.host(&host.name).is_some_and(|seen| seen.node().is_some())
}

/// What the join of a node named by `--destroy-data` may destroy: the holdings that the plan shows, and no more. The operator
/// has not agreed to lose what was not observed.
fn named_data(draft: &mut Draft<'_>, host: &Host, node: &NodeFacts) -> HoldingCounts {
    // A step outside --limit destroys nothing.
    if !draft.options.limit.covers(&host.name) {
        return HoldingCounts::NOTHING;
    }
    if !was_seen(draft, host) {
        draft.note_loss(
            &host.name,
            format!(
                "--destroy-data {}: the data of {} can be seen only while it runs; if it has any, it is started, not \
                 joined, and the next plan lists the data",
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

/// What the next node to enter waits for: the anchor serves, and the entry before it is done. If it is still listed, it
/// must be forgotten first: Mnesia refuses a node that it lists as a member (`inconsistent_cluster`), and a node that asks
/// while it is being forgotten may form a cluster of its own.
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

fn refuse_data(draft: &mut Draft<'_>, host: &Host, node: &NodeFacts, member: &NodeFacts) {
    draft.refuse(
        &host.name,
        RefusalKind::OwnData,
        format!("{} has data of its own, which joining {} would destroy", node.name, member.name),
        format!("it has {}", own_data::told(&node.holdings)),
        Next::say("move the data that you need first; this deletes the rest:").and(draft.naming(&host.name)),
    );
}

/// RabbitMQ would refuse the join with "incompatible_feature_flags", without naming them.
fn refuse_flags(
    draft: &mut Draft<'_>,
    host: &Host,
    (node, member): (&NodeFacts, &NodeFacts),
    unknown: &BTreeSet<String>,
) {
    draft.refuse(
        &host.name,
        RefusalKind::FlagsUnknown,
        format!("{} does not know feature flags that the cluster of {} has enabled", node.name, member.name),
        format!(
            "unknown to its RabbitMQ {}: {}; {} runs {}",
            node.rabbitmq_version,
            listed(unknown),
            member.name,
            member.rabbitmq_version
        ),
        Next::say(format!("feature flags cannot be disabled: {} needs the cluster's RabbitMQ:", host.name))
            .rabbitup(format!("run upgrade version={}", member.rabbitmq_version)),
    );
}

fn refuse_ghost(draft: &mut Draft<'_>, host: &Host, anchor: &Host) {
    // The refusal of recover-node is more specific.
    if draft
        .refusals
        .iter()
        .any(|refusal| refusal.phase == Phase::Recover && refusal.problem.host.as_ref() == Some(&host.name))
    {
        return;
    }
    let (node, member) = (host.node(), anchor.node());
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
            RefusalKind::MembersMovedOn,
            format!("{node} was down while its cluster's membership changed"),
            format!(
                "{member} lists it; it remembers {}, none of which is a running member",
                listed(&remembers)
            ),
            Next::say("this tells it the current members; it keeps its data:")
                .rabbitup(format!("run recover-node node={}", host.name)),
        );
    }
    let recover = data_place::advice(draft, host);
    // A power failure may have come after the cluster recorded it and before it did so itself: then its boot completes the join.
    let boots =
        draft.observed.host(&host.name).is_some_and(|facts| facts.unit(BROKER_UNIT).active == "activating");
    draft.refuse(
        &host.name,
        RefusalKind::ListedButBlank,
        format!("{member} still lists {node}, which does not know the cluster"),
        format!(
            "{node} was reset, or its disk replaced or not mounted, while the cluster still lists it (inconsistent_cluster)"
        ),
        match boots {
            true => Next::say("it is starting; in a moment:")
                .and(Advice::Command(draft.options.command.clone()))
                .also("if this persists:")
                .and_all(recover),
            false => recover,
        },
    );
}

fn refuse_forgotten(draft: &mut Draft<'_>, host: &Host, node: &NodeFacts, member: &NodeFacts) {
    draft.refuse(
        &host.name,
        RefusalKind::ForgottenButRunning,
        format!(
            "{} considers itself a member of the cluster of {}, which does not list it",
            node.name, member.name
        ),
        "it was forgotten while it was away; its data is an old state of that cluster",
        Next::say("this moves its data aside and brings it back:")
            .rabbitup(format!("run recover-node node={}", host.name)),
    );
}

fn refuse_other_cluster(draft: &mut Draft<'_>, host: &Host, node: &NodeFacts, member: &NodeFacts) {
    let others = node.members.iter().map(|m| &m.node).filter(|m| **m != node.name);
    draft.refuse(
        &host.name,
        RefusalKind::OtherCluster,
        format!("{} is a member of another cluster", node.name),
        format!("it lists {}; {} does not list it", listed(others), member.name),
        "remove it from that cluster first, or add that cluster's other members to this inventory",
    );
}
