use super::Draft;
use crate::operation::SetClusterName;
use crate::plan::{Change, Proposal};

/// Sets the cluster name, once for all nodes.
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
    // A cluster without a name uses its first node's name and domain, which is meaningless to the operator.
    let blank = draft.observed.host(&anchor.name).and_then(|facts| facts.node()).is_none();
    let reason =
        if blank { "it has none yet".to_owned() } else { format!("its name is {}", node.cluster_name) };
    let operation = SetClusterName { node: anchor.node(), name: wanted.clone() };
    draft.propose(
        Proposal::new(&anchor.name, "cluster-name", Change::Change, operation)
            .title(format!("name the cluster {wanted}"))
            .because(reason),
    );
}
