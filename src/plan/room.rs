//! What a step writes needs a file system that takes it: a plan that would run into a full or read-only one is refused
//! before anything is changed.

use super::{Action, Step};
use crate::facts::{HostFacts, LEAST_TO_WRITE, Shortage, Storage, shortages};

/// What keeps this step from succeeding on the host, as it was observed.
pub(super) fn lacking<'h>(host: &'h HostFacts, step: &Step) -> Vec<(&'h Storage, Shortage)> {
    let found = shortages(&host.resources.storage, LEAST_TO_WRITE);
    match need(&step.action) {
        Need::Nothing => Vec::new(),
        Need::Access => found.into_iter().filter(|(_, shortage)| *shortage == Shortage::ReadOnly).collect(),
        Need::Room => found,
    }
}

/// What a step asks of its host's file systems.
enum Need {
    /// It asks a running node or balancer for something, or stops something: it may be just what frees the host.
    Nothing,
    /// It renames, removes or changes what is there.
    Access,
    /// It writes anew, or starts a broker, whose database does.
    Room,
}

fn need(action: &Action) -> Need {
    match action {
        Action::SetHostName { .. }
        | Action::WriteFile(_)
        | Action::InstallPackages { .. }
        | Action::HoldPackages { .. }
        | Action::InstallCookie { .. }
        | Action::StageCookie { .. }
        | Action::StartUnit { .. }
        | Action::RestartUnit { .. }
        | Action::StartApp { .. }
        | Action::StartBroker { .. }
        | Action::EnterCluster { .. }
        | Action::RestartBroker { .. }
        | Action::UpgradeBroker { .. }
        | Action::JoinCluster { .. }
        | Action::ChangeNodeType { .. }
        | Action::SetPlugins { .. }
        | Action::ImportDefinitions { .. }
        | Action::ForgetOffline { .. }
        | Action::FollowPeer { .. } => Need::Room,
        Action::RemoveStalePolicy
        | Action::RemoveLeftovers { .. }
        | Action::GuardCookie
        | Action::AdoptCookie { .. }
        | Action::DropStagedCookie { .. }
        | Action::RetireBroker { .. }
        | Action::KeepData { .. } => Need::Access,
        Action::SwitchCookie { .. }
        | Action::ReloadUnit { .. }
        | Action::StopUnit { .. }
        | Action::StopBroker { .. }
        | Action::ReviveNode { .. }
        | Action::SwitchServer { .. }
        | Action::EnableFeatureFlags { .. }
        | Action::Rebalance { .. }
        | Action::StopStranger { .. }
        | Action::ReleaseQueues { .. }
        | Action::ForgetNode { .. }
        | Action::GrowReplicas { .. }
        | Action::SyncQueue { .. }
        | Action::CancelSyncQueue { .. }
        | Action::SetClusterName { .. }
        | Action::PutAdmin { .. }
        | Action::CloseGuest { .. } => Need::Nothing,
    }
}
