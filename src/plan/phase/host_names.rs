use super::Draft;
use crate::facts::BrokerState;
use crate::inventory::Host;
use crate::model::HostName;
use crate::plan::{Action, Change, Proposal, view};

/// Gives every host the name that the inventory has for it: the running name and the one for the next boot.
///
/// RabbitMQ's data directory is named after the node and so after the host: a broker that holds data under
/// another name is refused, since it would come up empty under the new one.
pub fn plan(draft: &mut Draft<'_>) {
    for host in draft.hosts() {
        let Some(facts) = draft.host(&host.name) else { continue };
        let wanted = host.name.as_str();
        let names = facts.host_name.clone();
        let is_named = names.running == wanted && names.persistent.as_deref() == Some(wanted);
        let is_misnamed = facts.node().is_some_and(|node| node.name != host.node());
        if is_named && !is_misnamed {
            continue;
        }
        if (draft.desired.is_broker(host) && !make_way(draft, host)) || is_named {
            continue;
        }
        let reason = if names.running == wanted {
            format!("the next boot would make it {}", names.persistent.as_deref().unwrap_or("nameless"))
        } else {
            format!("the host calls itself {}", names.running)
        };
        draft.propose(
            Proposal::new(
                &host.name,
                "host-name",
                Change::Change,
                Action::SetHostName { name: host.name.clone() },
            )
            .title(format!("set the host name to {wanted}"))
            .because(reason)
            .within(60),
        );
    }
}

/// Whether the host may take its name. A broker that its package started under the old one and that holds nothing is
/// stopped; it starts again as what it is to be.
fn make_way(draft: &mut Draft<'_>, host: &Host) -> bool {
    let Some(facts) = draft.host(&host.name) else { return false };
    let node = host.node();
    let running = facts.node().filter(|running| running.name != node).cloned();
    if let Some(running) = running.filter(|running| running.holdings.is_empty() && view::is_alone(running)) {
        let title = format!("stop {}", running.name);
        let action = Action::StopBroker { node: running.name };
        draft.propose(
            Proposal::new(&host.name, "stop", Change::Command, action)
                .title(title)
                .because("it was started under the host's old name, and holds nothing")
                .within(360),
        );
        return true;
    }
    let others: Vec<String> =
        facts.data.iter().map(|data| data.node.clone()).filter(|other| *other != node.to_string()).collect();
    let runs_under_other_name = facts.broker != BrokerState::Down && facts.data_of(&node).is_none();
    if others.is_empty() && !runs_under_other_name {
        return true;
    }
    refuse_with_data(draft, &host.name, others.first());
    false
}

fn refuse_with_data(draft: &mut Draft<'_>, host: &HostName, holder: Option<&String>) {
    let Some(facts) = draft.host(host) else { return };
    let holder = holder.cloned().unwrap_or_else(|| "a running broker".to_owned());
    let old = match holder.split_once('@') {
        Some((_, name)) => name.to_owned(),
        None => facts.host_name.running.clone(),
    };
    draft.refuse(
        host,
        format!("the host cannot become {host}: it holds data under another name"),
        format!("/var/lib/rabbitmq/mnesia belongs to {holder}; under a new name the broker would start empty"),
        format!(
            "name the host {old} in the inventory; or, where the data is worth nothing, stop the broker and move \
             the directory away yourself"
        ),
    );
}
