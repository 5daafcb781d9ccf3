//! Steps of different hosts run side by side unless one waits for the other: these have to wait in every plan.

use std::collections::{BTreeMap, BTreeSet};

use rabbitup::model::NodeName;
use rabbitup::operation::{
    BalancerState, ChangeNodeType, EnterCluster, ForgetNode, GrowReplicas, JoinCluster, KeepData, Operation,
    ReleaseQueues, RestartBroker, RetireBroker, StartApp, StartBroker, StopBroker, StopCheck,
    StopUnknownMember, SwitchServer, UpgradeBroker,
};
use rabbitup::plan::{Plan, Step, StepId};

/// Panics if two steps could run at the same time or in the other order although they must not.
pub fn assert_ordered(plan: &Plan) {
    let before = ancestors(plan);
    for (at, later) in plan.steps.iter().enumerate() {
        for earlier in &plan.steps[..at] {
            if let Some(why) = conflict(earlier, later) {
                assert!(
                    before[&later.id].contains(&earlier.id),
                    "{} ({:?}) does not wait for {} ({:?}), although {why}",
                    later.id,
                    later.operation,
                    earlier.id,
                    earlier.operation
                );
            }
        }
    }
}

/// The steps that have ended when a step begins: the earlier ones of its host, those it waits for, and those before them.
pub fn ancestors(plan: &Plan) -> BTreeMap<&StepId, BTreeSet<&StepId>> {
    let mut all: BTreeMap<&StepId, BTreeSet<&StepId>> = BTreeMap::new();
    for (at, step) in plan.steps.iter().enumerate() {
        let own = plan.steps[..at].iter().filter(|other| other.host == step.host).map(|other| &other.id);
        let mut found: BTreeSet<&StepId> = BTreeSet::new();
        for id in own.chain(&step.after) {
            found.insert(id);
            found.extend(all.get(id).into_iter().flatten());
        }
        all.insert(&step.id, found);
    }
    all
}

/// The node that a step adds to a cluster.
fn entering(step: &Step) -> Option<&NodeName> {
    match &step.operation {
        Operation::EnterCluster(EnterCluster { node, .. })
        | Operation::JoinCluster(JoinCluster { node, .. }) => Some(node),
        _ => None,
    }
}

/// The node that a step takes out of service, even briefly.
fn stopping(step: &Step) -> Option<&NodeName> {
    match &step.operation {
        Operation::RestartBroker(RestartBroker { node, .. })
        | Operation::UpgradeBroker(UpgradeBroker { node, .. })
        | Operation::StopBroker(StopBroker { node })
        | Operation::RetireBroker(RetireBroker { node, .. })
        | Operation::ChangeNodeType(ChangeNodeType { node, .. }) => Some(node),
        Operation::StopUnknownMember(StopUnknownMember { unknown_member, .. }) => Some(unknown_member),
        _ => None,
    }
}

/// The node that serves once the step has ended.
fn serving(step: &Step) -> Option<&NodeName> {
    match &step.operation {
        Operation::StartBroker(StartBroker { node, .. })
        | Operation::StartApp(StartApp { node, .. })
        | Operation::RestartBroker(RestartBroker { node, .. })
        | Operation::UpgradeBroker(UpgradeBroker { node, .. }) => Some(node),
        _ => entering(step),
    }
}

/// Whether a node stops that others may need meanwhile.
fn is_gated(step: &Step) -> bool {
    match &step.operation {
        Operation::RestartBroker(RestartBroker { stop_check, .. })
        | Operation::UpgradeBroker(UpgradeBroker { stop_check, .. })
        | Operation::RetireBroker(RetireBroker { stop_check, .. })
        | Operation::StopUnknownMember(StopUnknownMember { stop_check, .. }) => {
            *stop_check != StopCheck::None
        }
        _ => false,
    }
}

/// Why `later` must not begin before `earlier` has ended, if so.
fn conflict(earlier: &Step, later: &Step) -> Option<&'static str> {
    if entering(earlier).is_some() && entering(later).is_some() {
        return Some("two nodes that enter at once may find each other half-way");
    }
    if is_gated(earlier) && is_gated(later) {
        return Some("one node at a time is out of service");
    }
    match (&earlier.operation, &later.operation) {
        (Operation::ForgetNode(ForgetNode { gone, .. }), _) if entering(later) == Some(gone) => {
            Some("a cluster takes no node that it still lists")
        }
        (
            _,
            Operation::EnterCluster(EnterCluster { join_target, .. })
            | Operation::JoinCluster(JoinCluster { join_target, .. }),
        ) if serving(earlier) == Some(join_target) => Some("the join_target node has to serve"),
        (_, Operation::ForgetNode(ForgetNode { gone, .. })) if stopping(earlier) == Some(gone) => {
            Some("a node that runs is not forgotten")
        }
        (
            Operation::ReleaseQueues(ReleaseQueues { gone, .. }),
            Operation::ForgetNode(ForgetNode { gone: forgotten, .. }),
        ) if gone == forgotten => Some("its replicas can be taken off only while it is a member"),
        (Operation::ReleaseQueues(ReleaseQueues { gone, .. }), _) if stopping(later) == Some(gone) => {
            Some("its vote is needed to take its replicas off")
        }
        (Operation::ForgetNode(ForgetNode { gone, .. }), Operation::KeepData(KeepData { node }))
            if gone == node =>
        {
            Some("until then it is a member, and its data is what it would come back with")
        }
        (Operation::ForgetOffline(_), Operation::StartBroker(_)) => {
            Some("the others would wait for the node that is gone")
        }
        (Operation::GrowReplicas(_), Operation::RetireBroker(_)) => {
            Some("the new replicas come before the old ones go")
        }
        (_, Operation::GrowReplicas(GrowReplicas { onto, .. })) if serving(earlier) == Some(onto) => {
            Some("replicas are put on a node that serves")
        }
        (
            Operation::SwitchServer(SwitchServer { server, software: _, to: BalancerState::Out, moved: _ }),
            _,
        ) if is_gated(later) && stopping(later).is_some_and(|n| n.host() == server) => {
            Some("the balancer takes it out first")
        }
        (
            _,
            Operation::SwitchServer(SwitchServer { server, software: _, to: BalancerState::In, moved: _ }),
        ) if serving(earlier).is_some_and(|n| n.host() == server) => {
            Some("the balancer uses it when it is back")
        }
        (Operation::StageCookie(_), Operation::SwitchCookie(_)) => {
            Some("no node may switch before all could follow")
        }
        (Operation::SwitchCookie(_), Operation::AdoptCookie(_)) => {
            Some("files follow when all running nodes have switched")
        }
        (Operation::UpgradeBroker(_), Operation::EnableFeatureFlags(_) | Operation::Rebalance(_)) => {
            Some("the last node has to be up to date")
        }
        (Operation::EnableFeatureFlags(_), Operation::UpgradeBroker(_)) => {
            Some("a new version needs the flags of the old one")
        }
        (Operation::RestartBroker(_), Operation::Rebalance(_)) => Some("leaders move once all are back"),
        _ => None,
    }
}
