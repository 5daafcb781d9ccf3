use std::collections::BTreeSet;

use super::{Draft, remove};
use crate::cluster::phrases::{counted, listed};
use crate::cluster::view;
use crate::facts::HostFacts;
use crate::inventory::Host;
use crate::model::{Advice, Next, NodeName};
use crate::plan::{RefusalKind, UnknownMembers};
use crate::playbook::Minutes;

/// Members that are not in the inventory: reported, or with `--prune` removed from the cluster.
pub fn plan(draft: &mut Draft<'_>, patience: Minutes) {
    let known: BTreeSet<NodeName> = draft.desired.brokers().map(Host::node).collect();
    let unknown: BTreeSet<NodeName> = view::running(draft.desired, &draft.facts)
        .into_iter()
        .filter(|(host, node)| belongs(draft, host, &node.name))
        .flat_map(|(_, node)| node.members.iter().map(|member| member.node.clone()))
        .filter(|node| !known.contains(node) && draft.desired.leaving.as_ref() != Some(node))
        .collect();
    if unknown.is_empty() {
        return;
    }
    let at_most = match draft.options.unknown_members {
        UnknownMembers::Report => return report(draft, &unknown),
        UnknownMembers::Remove { at_most } => at_most,
    };
    let found = u64::try_from(unknown.len()).unwrap_or(u64::MAX);
    if found > at_most {
        return refuse_so_many(draft, &unknown, at_most);
    }
    for member in unknown {
        remove::leave(draft, &member, None, patience);
    }
}

fn report(draft: &mut Draft<'_>, unknown: &BTreeSet<NodeName>) {
    let anchor = draft.anchor.clone();
    let text = match unknown.len() {
        1 => format!("{} is a member and not in the inventory; --prune removes it", listed(unknown)),
        all => {
            format!("{} are members and not in the inventory; --prune={all} removes them", listed(unknown))
        }
    };
    draft.note(&anchor, text);
}

fn refuse_so_many(draft: &mut Draft<'_>, unknown: &BTreeSet<NodeName>, at_most: u64) {
    let anchor = draft.anchor.clone();
    let again = format!("{} --prune={}", draft.options.command, unknown.len());
    draft.refuse(
        &anchor,
        RefusalKind::TooManyToPrune,
        format!(
            "{} are not in the inventory, and --prune removes at most {at_most}",
            counted(unknown.len(), "member")
        ),
        format!("{} would leave the cluster", listed(unknown)),
        Next::say("check that this is the inventory of this cluster; to remove all of them:")
            .and(Advice::Command(again)),
    );
}

/// Whether a running node is in the anchor's cluster: the members of another cluster do not concern this inventory.
fn belongs(draft: &Draft<'_>, host: &Host, node: &NodeName) -> bool {
    let anchor = draft.host(&draft.anchor).and_then(HostFacts::node);
    host.name == draft.anchor || anchor.is_some_and(|anchor| anchor.lists(node))
}
