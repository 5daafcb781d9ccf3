use super::{Draft, broker_config::changed_since};
use crate::facts::BrokerState;
use crate::inventory::Host;
use crate::model::{HostName, NodeName};
use crate::plan::{Action, Change, Gate, Proposal, StepId, view};
use crate::playbook::Minutes;
use crate::rabbitmq::{CONF_FILE, ENV_FILE, LIMITS_FILE};

/// Restarts exactly the nodes that run with another cookie than their file holds, or with a configuration that has
/// changed since they read it. One at a time, each after the one before serves again.
pub fn plan(draft: &mut Draft<'_>, patience: Minutes) {
    let brokers: Vec<&HostName> = draft.desired.brokers().map(|broker| &broker.name).collect();
    let mut before: Vec<StepId> = Vec::new();
    for host in draft.brokers() {
        let Some(reason) = reason(draft, host) else { continue };
        if let Some(peer) = member_with_other_cookie(draft, host) {
            refuse_outage(draft, host, &peer);
            continue;
        }
        let gate = match gate(draft, host) {
            Ok(gate) => gate,
            Err(found) => {
                draft.refuse(
                    &host.name,
                    format!("{} must be restarted and must not be now", host.node()),
                    found.join("; "),
                    "bring the cluster together first; rabbitup status shows who sees what",
                );
                continue;
            }
        };
        let names = draft.desired.cluster.names;
        let mut waits_for = before.clone();
        waits_for.extend(draft.last_of(&brokers, &["start"]));
        let action = Action::RestartBroker { node: host.node(), names, gate, patience_s: patience.seconds() };
        let proposal = Proposal::new(&host.name, "restart", Change::Restart, action)
            .title(format!("restart {}", host.node()))
            .because(reason)
            .after(waits_for)
            .within(1080 + 2 * patience.seconds());
        draft.propose(proposal);
        before = draft.last_of(&[&host.name], &["restart"]);
    }
}

/// Another member of this node's cluster that runs with another cookie than its file holds, too. Then the whole cluster
/// runs with the old one, and a node that restarts alone with the new one finds nobody (a 4.0 node gives up after
/// 32 seconds: timeout_waiting_for_leader).
fn member_with_other_cookie(draft: &Draft<'_>, host: &Host) -> Option<NodeName> {
    let facts = draft.host(&host.name).filter(|facts| facts.broker == BrokerState::CookieRefused)?;
    let members = &facts.data_of(&host.node())?.members;
    let refuses = |node: &NodeName| {
        draft.observed.host(node.host()).is_some_and(|seen| seen.broker == BrokerState::CookieRefused)
    };
    members.iter().map(|member| &member.node).find(|node| **node != host.node() && refuses(node)).cloned()
}

fn refuse_outage(draft: &mut Draft<'_>, host: &Host, peer: &NodeName) {
    draft.refuse(
        &host.name,
        format!("the cookie files of {} and {peer} were changed while their cluster ran", host.node()),
        "both run with another cookie than their files hold; restarted one by one, each would be cut off from the rest",
        "put the old cookie back into the files; or, in a maintenance window, stop all brokers (systemctl stop \
         rabbitmq-server), then run the same command again",
    );
}

fn reason(draft: &Draft<'_>, host: &Host) -> Option<String> {
    let facts = draft.host(&host.name)?;
    let cookie = facts.cookie.as_ref().map(|cookie| cookie.normalised);
    match &facts.broker {
        BrokerState::CookieRefused => Some("it runs with another cookie than its file holds".to_owned()),
        BrokerState::Running(node) if node.cookie.is_some() && node.cookie != cookie => {
            Some("it runs with another cookie than its file holds".to_owned())
        }
        BrokerState::Running(node) => {
            let read_at_start = [CONF_FILE, ENV_FILE, LIMITS_FILE];
            let changed =
                read_at_start.into_iter().find(|path| changed_since(facts.file(path), node.started))?;
            let seen = draft.observed.host(&host.name).and_then(|seen| seen.file(changed));
            Some(if changed_since(seen, node.started) {
                format!("{changed} has changed since it started")
            } else {
                format!("it reads {changed} only when it starts")
            })
        }
        _ => None,
    }
}

/// What must be asked before the node stops. A member of a cluster that is not whole is not stopped at all.
fn gate(draft: &Draft<'_>, host: &Host) -> Result<Gate, Vec<String>> {
    let Some(node) = draft.host(&host.name).and_then(|facts| facts.node()) else { return Ok(Gate::None) };
    if view::is_alone(node) {
        return Ok(Gate::None);
    }
    let found = view::disagreements(draft.desired, &draft.facts, node);
    if found.is_empty() { Ok(Gate::QuorumCritical) } else { Err(found) }
}
