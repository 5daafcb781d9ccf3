//! What is not done while brokers are left out with `--without`. What such a host holds is unknown, which is not nothing: it may be a
//! member, have the cluster's only data, or another cookie. So whatever depends on that is refused, as if nobody could ever ask.

use super::{Refusal, RefusalKind, Step};
use crate::cluster::phrases::{counted, folded, listed};
use crate::cluster::view;
use crate::facts::{Facts, NodeFacts, Observation};
use crate::inventory::{Desired, Host};
use crate::model::{HostName, Next, Problem};
use crate::operation::Operation;
use crate::playbook::Phase;

/// A step that needs to know of every broker: its host, and its title.
pub(super) type Needing = (HostName, String);

/// The hosts that are left out.
pub(super) fn hosts(facts: &Facts) -> impl Iterator<Item = &HostName> {
    facts.hosts.iter().filter(|(_, seen)| **seen == Observation::LeftOut).map(|(name, _)| name)
}

/// The brokers among them.
fn brokers<'d>(desired: &'d Desired, facts: &Facts) -> Vec<&'d Host> {
    let left_out: Vec<&HostName> = hosts(facts).collect();
    desired.brokers().filter(|host| left_out.contains(&&host.name)).collect()
}

/// Whether a broker is left out that this step would have to ask.
pub(super) fn blocks(desired: &Desired, observed: &Facts, step: &Step) -> bool {
    !brokers(desired, observed).is_empty()
        && needs_every_broker(&step.operation, Cluster::of(desired, observed))
}

/// Whether those who were asked tell which cluster this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cluster {
    /// One of its nodes runs.
    Seen,
    /// None of those who were asked runs in a cluster, or with data: the absent host may have the cluster.
    Unseen,
}

impl Cluster {
    fn of(desired: &Desired, observed: &Facts) -> Self {
        let is_one = |node: &NodeFacts| !node.is_alone() || !node.holdings.is_empty();
        let nodes = view::running(desired, observed);
        if nodes.into_iter().any(|(_, node)| is_one(node)) { Self::Seen } else { Self::Unseen }
    }
}

/// Whether an operation is right only if nothing is different on a broker that nobody asked. A restart is not among them: it is
/// refused where a member of its cluster was not inspected.
fn needs_every_broker(operation: &Operation, cluster: Cluster) -> bool {
    match operation {
        // Who starts first would be a cluster of its own, beside one that the absent host may have.
        Operation::StartBroker(_) | Operation::StartApp(_) => cluster == Cluster::Unseen,
        Operation::InstallCookie(_)
        | Operation::StageCookie(_)
        | Operation::SwitchCookie(_)
        | Operation::AdoptCookie(_)
        | Operation::DropStagedCookie(_)
        | Operation::EnterCluster(_)
        | Operation::JoinCluster(_)
        | Operation::FollowPeer(_)
        | Operation::ReviveNode(_)
        | Operation::UpgradeBroker(_)
        | Operation::EnableFeatureFlags(_)
        | Operation::RetireBroker(_)
        | Operation::StopUnknownMember(_)
        | Operation::ReleaseQueues(_)
        | Operation::ForgetNode(_)
        | Operation::ForgetOffline(_)
        | Operation::KeepData(_)
        | Operation::GrowReplicas(_)
        | Operation::Rebalance(_)
        | Operation::ChangeNodeType(_)
        | Operation::InterruptBoot(_)
        | Operation::StopBroker(_) => true,
        Operation::SetHostName(_)
        | Operation::OpenPorts(_)
        | Operation::KeepOpenings(_)
        | Operation::SetSelinuxBoolean(_)
        | Operation::LabelPort(_)
        | Operation::WriteFile(_)
        | Operation::RemoveLeftovers(_)
        | Operation::InstallPackages(_)
        | Operation::HoldPackages(_)
        | Operation::StartUnit(_)
        | Operation::ReloadUnit(_)
        | Operation::StopUnit(_)
        | Operation::RestartBroker(_)
        | Operation::SwitchServer(_)
        | Operation::SyncQueue(_)
        | Operation::CancelSyncQueue(_)
        | Operation::SetClusterName(_)
        | Operation::SetPlugins(_)
        | Operation::ImportDefinitions(_)
        | Operation::CloseGuest(_)
        | Operation::PutAdmin(_)
        | Operation::RemoveStalePolicy
        | Operation::GuardCookie
        | Operation::AwaitStandby => false,
    }
}

/// One refusal for all steps that need an absent broker. `anchor` is the node whose cluster it is, if that runs.
pub(super) fn refusal(
    desired: &Desired,
    observed: &Facts,
    anchor: Option<&NodeFacts>,
    needing: &[Needing],
) -> Option<Refusal> {
    let (first, _) = needing.first()?;
    let absent = brokers(desired, observed);
    let steps: Vec<String> = needing.iter().map(|(host, title)| format!("{title} on {host}")).collect();
    let verb = if steps.len() == 1 { "needs" } else { "need" };
    let names = listed(absent.iter().map(|host| &host.name));
    let problem = Problem::new(
        format!(
            "{} {verb} an answer from every broker, and {names} is left out",
            counted(steps.len(), "step")
        ),
        format!("{}; what {names} has (data, a cluster, a cookie) is unknown", folded(&steps)),
        next(anchor, &absent, &names),
    );
    Some(Refusal { kind: RefusalKind::BrokerLeftOut, phase: Phase::Preflight, problem: problem.on(first) })
}

fn next(anchor: Option<&NodeFacts>, absent: &[&Host], names: &str) -> Next {
    let member = absent.iter().find(|host| anchor.is_some_and(|node| node.lists(&host.node())));
    match member {
        Some(host) => Next::say(format!(
            "bring {names} back, then run this without --without; if {} is gone for good, this removes it from the cluster:",
            host.name
        ))
        .rabbitup(format!("run remove-node node={}", host.name)),
        None => Next::say(format!(
            "bring {names} back, then run this without --without, or take it out of the inventory until it is back: it joins then"
        )),
    }
}
