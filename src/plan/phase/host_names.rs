use super::{Draft, forget, full_names};
use crate::cluster::own_data;
use crate::cluster::phrases::listed;
use crate::facts::{BrokerState, HostFacts, NodeFacts};
use crate::inventory::Host;
use crate::model::{HostName, NodeName};
use crate::operation::{SetHostName, StopBroker};
use crate::plan::{Change, Proposal, RefusalKind};

/// Sets every host's name to that of the inventory: the running name and the one for the next boot. A name with a domain stays where
/// the inventory has its first label: RabbitMQ takes no more of it.
///
/// RabbitMQ's data directory is named after the node and so after the host: a broker that holds data under
/// another name is refused, since it would start empty under the new one; also if the host was renamed
/// before.
pub fn plan(draft: &mut Draft<'_>) {
    for host in draft.hosts() {
        let Some(facts) = draft.host(&host.name) else { continue };
        let wanted = host.name.as_str();
        let names = facts.host_name.clone();
        let is_right = |name: &str| full_names::is_right(host, name);
        let is_named = is_right(&names.running) && names.persistent.as_deref().is_some_and(is_right);
        let is_misnamed = facts.node().is_some_and(|node| node.name != host.node());
        if is_named && !is_misnamed {
            if draft.desired.is_broker(host) {
                refuse_empty_beside_data(draft, host);
            }
            continue;
        }
        if (draft.desired.is_broker(host) && !make_way(draft, host)) || is_named {
            continue;
        }
        let reason = if is_right(&names.running) {
            format!("the next boot would rename it to {}", names.persistent.as_deref().unwrap_or("nameless"))
        } else {
            format!("the host's name is {}", names.running)
        };
        draft.propose(
            Proposal::new(&host.name, "host-name", Change::Change, SetHostName { name: host.name.clone() })
                .title(format!("set the host name to {wanted}"))
                .because(reason)
                .within(60),
        );
    }
}

/// Whether the host may be renamed. A broker that its package started under the old name and that has no data is
/// stopped; it starts again under the new name.
fn make_way(draft: &mut Draft<'_>, host: &Host) -> bool {
    let Some(facts) = draft.host(&host.name) else { return false };
    let node = host.node();
    let running = facts.node().filter(|running| running.name != node).cloned();
    if let Some(running) = running.filter(|running| running.holdings.is_empty() && running.is_alone()) {
        let operation = StopBroker { node: running.name.clone() };
        draft.propose(
            Proposal::new(&host.name, "stop", Change::Command, operation)
                .title(format!("stop {}", running.name))
                .because("it was started under the host's old name, and has no data")
                .within(360),
        );
        forget::put_aside(draft, host, &running.name, "it belongs to the host's old name");
        return true;
    }
    if let Some(running) = facts.node().filter(|running| running.name != node).cloned() {
        refuse_running(draft, &host.name, &running);
        return false;
    }
    let others = under_other_names(facts, &node);
    let runs_under_other_name = facts.broker != BrokerState::Down && facts.data_of(&node).is_none();
    if others.is_empty() && !runs_under_other_name {
        return true;
    }
    refuse_with_data(draft, &host.name, others.first());
    false
}

/// The nodes of other names with data on the host.
fn under_other_names(facts: &HostFacts, node: &NodeName) -> Vec<String> {
    let own = node.to_string();
    facts.data.iter().map(|data| data.node.clone()).filter(|other| *other != own).collect()
}

/// The node runs, and has data that would stay behind under its old name.
fn refuse_running(draft: &mut Draft<'_>, host: &HostName, running: &NodeFacts) {
    let why = if running.holdings.is_empty() {
        let others = running.members.iter().map(|m| &m.node).filter(|m| **m != running.name);
        format!("it is in a cluster with {}", listed(others))
    } else {
        format!("it has {}", own_data::told(&running.holdings))
    };
    draft.refuse(
        host,
        RefusalKind::OtherNodeRuns,
        format!(
            "{} runs on the host that should be named {host}, and would start empty under its new name",
            running.name
        ),
        why,
        format!(
            "name the host {} in the inventory, or stop the node and move its data away yourself",
            running.name.host()
        ),
    );
}

/// A broker that would start blank although another node's data is there: most likely its own, from before the host was renamed.
fn refuse_empty_beside_data(draft: &mut Draft<'_>, host: &Host) {
    let Some(facts) = draft.host(&host.name) else { return };
    let node = host.node();
    let others = under_other_names(facts, &node);
    let is_blank = facts.broker == BrokerState::Down && facts.data_of(&node).is_none();
    if !is_blank {
        return;
    }
    let base = facts.environment.data_base.clone();
    let Some(first) = others.first() else { return };
    let these = listed(&others);
    draft.refuse(
        &host.name,
        RefusalKind::EmptyBesideData,
        format!("{node} would start empty, although the data of {these} is on the host"),
        format!("{base} contains {these} and not {node}: the host had another name when it was written"),
        format!(
            "give the host its old name again, also in the inventory; or, if {first} is not needed, move \
             {base}/{first} away"
        ),
    );
}

fn refuse_with_data(draft: &mut Draft<'_>, host: &HostName, holder: Option<&String>) {
    let Some(facts) = draft.host(host) else { return };
    let base = facts.environment.data_base.clone();
    let holder = holder.cloned().unwrap_or_else(|| "a running broker".to_owned());
    let old = match holder.split_once('@') {
        Some((_, name)) => name.to_owned(),
        None => facts.host_name.running.clone(),
    };
    draft.refuse(
        host,
        RefusalKind::RenamedWithData,
        format!("the host cannot be renamed to {host}: it has data under another name"),
        format!("{base} belongs to {holder}; under a new name the broker would start empty"),
        format!(
            "name the host {old} in the inventory; or, if the data is not needed, stop the broker and move \
             the directory away yourself"
        ),
    );
}
