use std::collections::BTreeSet;

use super::{Draft, remove};
use crate::facts::HostFacts;
use crate::inventory::Host;
use crate::model::NodeName;
use crate::plan::Strangers;
use crate::plan::view::{self, listed};
use crate::playbook::Minutes;

/// Members that the inventory does not know: reported, or with `--prune` taken out of the cluster.
pub fn plan(draft: &mut Draft<'_>, patience: Minutes) {
    let known: BTreeSet<NodeName> = draft.desired.brokers().map(Host::node).collect();
    let strangers: BTreeSet<NodeName> = view::running(draft.desired, &draft.facts)
        .into_iter()
        .filter(|(host, node)| belongs(draft, host, &node.name))
        .flat_map(|(_, node)| node.members.iter().map(|member| member.node.clone()))
        .filter(|node| !known.contains(node) && draft.desired.leaving.as_ref() != Some(node))
        .collect();
    if strangers.is_empty() {
        return;
    }
    if draft.options.strangers == Strangers::Report {
        let anchor = draft.anchor.clone();
        let (is, it) = if strangers.len() == 1 { ("is a member", "it") } else { ("are members", "them") };
        let text = format!("{} {is} and not in the inventory; --prune takes {it} out", listed(&strangers));
        return draft.note(&anchor, text);
    }
    for stranger in strangers {
        remove::leave(draft, &stranger, None, patience);
    }
}

/// Whether a running node is in the anchor's cluster: what another cluster lists is not this inventory's business.
fn belongs(draft: &Draft<'_>, host: &Host, node: &NodeName) -> bool {
    let anchor = draft.host(&draft.anchor).and_then(HostFacts::node);
    host.name == draft.anchor || anchor.is_some_and(|anchor| view::lists(anchor, node))
}
