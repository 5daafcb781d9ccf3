use std::collections::BTreeMap;

use super::{Draft, moved_listeners, roll};
use crate::facts::HostFacts;
use crate::inventory::Host;
use crate::model::HostName;
use crate::operation::{BalancerState, Moved, ReviveNode};
use crate::plan::{Change, Proposal};
use crate::playbook::Phase;

/// Brings back into service what an interrupted run or an operator left out of service: nodes in maintenance mode
/// refuse clients until they are revived, and a server that is disabled in HAProxy gets none.
pub fn plan(draft: &mut Draft<'_>) {
    for host in draft.brokers() {
        let Some(node) = draft.host(&host.name).and_then(HostFacts::node) else { continue };
        if node.maintenance {
            revive(draft, host);
        }
        for balancer in roll::balancers(draft, host) {
            let moved = moved_listeners::after_restart(draft, &balancer, host);
            if is_spared(draft, host, &balancer, &moved) {
                let after = draft.last_of(&[&host.name], &[Phase::Start, Phase::Service]);
                let reason = "it was disabled in the balancer, and its node serves";
                roll::switch(draft, &balancer, &host.name, BalancerState::In, moved, reason, after);
            }
        }
    }
}

/// Whether a backend does not use the broker that should: one that stays out for now is no such backend.
fn is_spared(draft: &Draft<'_>, broker: &Host, balancer: &HostName, moved: &BTreeMap<String, Moved>) -> bool {
    let backends = draft.host(balancer).and_then(|facts| facts.load_balancer.as_ref());
    let mut of_broker = backends
        .iter()
        .flat_map(|facts| &facts.backends)
        .filter(|backend| backend.server == broker.name.as_str());
    of_broker.any(|backend| backend.is_spared() && moved.get(&backend.proxy) != Some(&Moved::Later))
}

fn revive(draft: &mut Draft<'_>, host: &Host) {
    let (node, names) = (host.node(), draft.desired.cluster.names);
    draft.propose(
        Proposal::new(&host.name, "revive", Change::Command, ReviveNode { node: node.clone(), names })
            .title(format!("take {node} out of maintenance mode"))
            .because("it accepts no clients")
            .within(180),
    );
}
