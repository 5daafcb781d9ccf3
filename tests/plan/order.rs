//! Steps of different hosts run side by side unless one waits for the other: these have to wait, whatever a plan is for.

use std::collections::{BTreeMap, BTreeSet};

use rabbitup::model::NodeName;
use rabbitup::plan::{Action, Gate, Plan, Service, Step, StepId};

/// Panics where two steps that must not run at the same time, or in the other order, could.
pub fn assert_ordered(plan: &Plan) {
    let before = ancestors(plan);
    for (at, later) in plan.steps.iter().enumerate() {
        for earlier in &plan.steps[..at] {
            if let Some(why) = conflict(earlier, later) {
                assert!(
                    before[&later.id].contains(&earlier.id),
                    "{} ({:?}) does not wait for {} ({:?}), although {why}",
                    later.id,
                    later.action,
                    earlier.id,
                    earlier.action
                );
            }
        }
    }
}

/// What has ended when a step begins: all of its host that stands before it, what it waits for, and what those did.
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

/// The node that a step brings into a cluster.
fn entering(step: &Step) -> Option<&NodeName> {
    match &step.action {
        Action::EnterCluster { node, .. } | Action::JoinCluster { node, .. } => Some(node),
        _ => None,
    }
}

/// The node that a step takes the service of, if only for a moment.
fn stopping(step: &Step) -> Option<&NodeName> {
    match &step.action {
        Action::RestartBroker { node, .. }
        | Action::UpgradeBroker { node, .. }
        | Action::StopBroker { node }
        | Action::RetireBroker { node, .. }
        | Action::ChangeNodeType { node, .. } => Some(node),
        Action::StopStranger { stranger, .. } => Some(stranger),
        _ => None,
    }
}

/// The node that serves once the step has ended.
fn serving(step: &Step) -> Option<&NodeName> {
    match &step.action {
        Action::StartBroker { node, .. }
        | Action::StartApp { node, .. }
        | Action::RestartBroker { node, .. }
        | Action::UpgradeBroker { node, .. } => Some(node),
        _ => entering(step),
    }
}

/// Whether a node goes down that others may need meanwhile.
fn is_gated(step: &Step) -> bool {
    use Action::{RestartBroker, RetireBroker, StopStranger, UpgradeBroker};
    match &step.action {
        RestartBroker { gate, .. }
        | UpgradeBroker { gate, .. }
        | RetireBroker { gate, .. }
        | StopStranger { gate, .. } => *gate != Gate::None,
        _ => false,
    }
}

/// Why `later` must not begin before `earlier` has ended, where it must not.
fn conflict(earlier: &Step, later: &Step) -> Option<&'static str> {
    use Action::*;
    if entering(earlier).is_some() && entering(later).is_some() {
        return Some("two nodes that enter at once may find each other half-way");
    }
    if is_gated(earlier) && is_gated(later) {
        return Some("one node at a time is out of service");
    }
    match (&earlier.action, &later.action) {
        (ForgetNode { gone, .. }, _) if entering(later) == Some(gone) => {
            Some("a cluster takes no node that it still lists")
        }
        (_, EnterCluster { seed, .. } | JoinCluster { seed, .. }) if serving(earlier) == Some(seed) => {
            Some("the seed node has to serve")
        }
        (_, ForgetNode { gone, .. }) if stopping(earlier) == Some(gone) => {
            Some("a node that runs is not forgotten")
        }
        (ReleaseQueues { gone, .. }, ForgetNode { gone: forgotten, .. }) if gone == forgotten => {
            Some("its replicas can be taken off only while it is a member")
        }
        (ReleaseQueues { gone, .. }, _) if stopping(later) == Some(gone) => {
            Some("its vote is needed to take its replicas off")
        }
        (ForgetNode { gone, .. }, KeepData { node }) if gone == node => {
            Some("until then it is a member, and its data is what it would come back with")
        }
        (ForgetOffline { .. }, StartBroker { .. }) => Some("the others would wait for the node that is gone"),
        (GrowReplicas { .. }, RetireBroker { .. }) => Some("the new replicas come before the old ones go"),
        (_, GrowReplicas { onto, .. }) if serving(earlier) == Some(onto) => {
            Some("replicas are put on a node that serves")
        }
        (SwitchServer { server, to: Service::Out }, _)
            if is_gated(later) && stopping(later).is_some_and(|n| n.host() == server) =>
        {
            Some("the balancer takes it out first")
        }
        (_, SwitchServer { server, to: Service::In })
            if serving(earlier).is_some_and(|n| n.host() == server) =>
        {
            Some("the balancer uses it when it is back")
        }
        (StageCookie { .. }, SwitchCookie { .. }) => Some("no node may switch before all could follow"),
        (SwitchCookie { .. }, AdoptCookie { .. }) => {
            Some("files follow when all running nodes have switched")
        }
        (UpgradeBroker { .. }, EnableFeatureFlags { .. } | Rebalance { .. }) => {
            Some("the last node has to be up to date")
        }
        (EnableFeatureFlags { .. }, UpgradeBroker { .. }) => {
            Some("a new version needs the flags of the old one")
        }
        (RestartBroker { .. }, Rebalance { .. }) => Some("leaders move once all are back"),
        _ => None,
    }
}
