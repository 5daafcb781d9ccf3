use super::Draft;
use crate::operation::SetClusterName;
use crate::plan::{Change, Proposal};

/// Names the cluster, once for all its nodes.
pub fn plan(draft: &mut Draft<'_>) {
    let Some(wanted) = draft.desired.cluster.name.clone() else { return };
    let Some(anchor) = draft.desired.host(&draft.anchor) else { return };
    if !draft.knows_database(anchor) {
        return;
    }
    let Some(node) = draft.host(&anchor.name).and_then(|facts| facts.node()) else { return };
    if node.cluster_name == wanted {
        return;
    }
    // A node that was never named calls its cluster by its own name and domain, which says nothing to anybody.
    let blank = draft.observed.host(&anchor.name).and_then(|facts| facts.node()).is_none();
    let reason =
        if blank { "it has none yet".to_owned() } else { format!("it is called {}", node.cluster_name) };
    let operation = SetClusterName { node: anchor.node(), name: wanted.clone() };
    draft.propose(
        Proposal::new(&anchor.name, "cluster-name", Change::Change, operation)
            .title(format!("name the cluster {wanted}"))
            .because(reason),
    );
}
