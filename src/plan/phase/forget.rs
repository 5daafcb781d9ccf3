//! Forgetting a node, and moving its data aside, whatever the reason.

use super::Draft;
use crate::inventory::Host;
use crate::model::NodeName;
use crate::operation::{ForgetNode, KeepData, MayGo, Operation};
use crate::plan::{Change, Proposal, RefusalKind, StepId};

/// Removes a stopped node from its cluster, through a running member.
pub(super) fn forget(draft: &mut Draft<'_>, gone: &NodeName, peer: &Host, may_go: MayGo, after: Vec<StepId>) {
    let names = draft.desired.cluster.names;
    let operation = ForgetNode { node: peer.node(), names, gone: gone.clone(), may_go };
    draft.propose(
        Proposal::new(&peer.name, &format!("forget-{}", gone.host()), Change::Remove, operation)
            .title(format!("forget {gone}, and check that no queue still lists it"))
            .because(format!("{} lists it as a member", peer.node()))
            .after(after)
            .within(600),
    );
}

/// Moves the data of a leaving node aside.
pub(super) fn keep(draft: &mut Draft<'_>, host: &Host, gone: &NodeName) {
    put_aside(draft, host, gone, "with it, the node would try to rejoin");
}

/// Moves a stopped node's data aside, in whatever state it is.
pub(super) fn put_aside(draft: &mut Draft<'_>, host: &Host, gone: &NodeName, reason: &str) {
    let Some(environment) = draft.host(&host.name).map(|facts| &facts.environment) else { return };
    let kept = environment.kept_base();
    if let Some(directory) = environment.data_dir.clone() {
        let by = environment
            .get("MNESIA_DIR")
            .map_or(String::new(), |set| format!("MNESIA_DIR in {} names it", set.by));
        return draft.refuse(
            &host.name,
            RefusalKind::DataNotMoved,
            format!("the data of {gone} is in {directory}, which rabbitup does not move aside"),
            by,
            "rabbitup moves only directories that have their node's name (MNESIA_BASE): move it away yourself while the broker is stopped",
        );
    }
    let after = draft.steps_that(|operation| matches!(operation, Operation::ForgetNode(_)));
    draft.propose(
        Proposal::new(&host.name, "keep-data", Change::Remove, KeepData { node: gone.clone() })
            .title(format!("move its data to {kept}"))
            .because(format!("{reason}; nothing is deleted"))
            .after(after)
            .within(120),
    );
}
