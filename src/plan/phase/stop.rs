use super::Draft;
use crate::facts::{BrokerState, HostFacts};
use crate::inventory::Host;
use crate::model::NodeType;
use crate::operation::StopBroker;
use crate::plan::{Change, Proposal, StepId};
use crate::playbook::Phase;

/// Stops every running broker, one after the other. RAM nodes first and the anchor last: the node that stops last knows the
/// most, and with Mnesia the others wait for it when they start.
pub fn plan(draft: &mut Draft<'_>) {
    let mut brokers = draft.brokers();
    brokers.reverse();
    brokers.sort_by_key(|host| (host.name == draft.anchor, !is_ram(draft, host)));
    let mut before: Vec<StepId> = Vec::new();
    let mut stops = false;
    for host in brokers {
        let running = draft.host(&host.name).is_some_and(|facts| facts.broker != BrokerState::Down);
        if !running {
            continue;
        }
        stops = true;
        let last = host.name == draft.anchor;
        let reason = if last { "the last to stop" } else { "the whole cluster is stopped" };
        propose(draft, host, reason, before.clone());
        before = draft.last_of(&[&host.name], &[Phase::Stop]);
    }
    if stops {
        let anchor = draft.anchor.clone();
        draft.note(
            &anchor,
            "no client is served until: rabbitup run start (a host that reboots also starts its broker)",
        );
    }
}

/// The step that stops a broker, for any reason.
pub(super) fn propose(draft: &mut Draft<'_>, host: &Host, reason: &str, after: Vec<StepId>) {
    let node = host.node();
    let title = format!("stop {node}");
    draft.propose(
        Proposal::new(&host.name, "stop", Change::Command, StopBroker { node })
            .title(title)
            .because(reason)
            .after(after)
            .within(420),
    );
}

fn is_ram(draft: &Draft<'_>, host: &Host) -> bool {
    let node = draft.host(&host.name).and_then(HostFacts::node);
    let of = |node: &crate::facts::NodeFacts| {
        node.members.iter().any(|member| member.node == node.name && member.node_type == NodeType::Ram)
    };
    node.is_some_and(of)
}
