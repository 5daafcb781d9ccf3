use super::Draft;
use crate::facts::BrokerState;
use crate::model::{HostName, Role};
use crate::plan::{Action, Change, Proposal};

/// Gives every host the name that the inventory has for it: the running name and the one for the next boot.
///
/// RabbitMQ's data directory is named after the node and so after the host: a broker that holds data under
/// another name is refused, since it would come up empty under the new one.
pub fn plan(draft: &mut Draft<'_>) {
    for host in draft.hosts() {
        let Some(facts) = draft.host(&host.name) else { continue };
        let wanted = host.name.as_str();
        let names = facts.host_name.clone();
        if names.running == wanted && names.persistent.as_deref() == Some(wanted) {
            continue;
        }
        if host.has(Role::Broker) && refuse_with_data(draft, &host.name, &host.node().to_string()) {
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

fn refuse_with_data(draft: &mut Draft<'_>, host: &HostName, node: &str) -> bool {
    let Some(facts) = draft.host(host) else { return false };
    let others: Vec<String> =
        facts.data.iter().map(|data| data.node.clone()).filter(|other| other != node).collect();
    let running = facts.broker != BrokerState::Down && facts.host_name.running != host.as_str();
    if others.is_empty() && !(running && !facts.data.iter().any(|data| data.node == node)) {
        return false;
    }
    let holder = others.first().cloned().unwrap_or_else(|| "a running broker".to_owned());
    let old =
        holder.split_once('@').map_or_else(|| facts.host_name.running.clone(), |(_, name)| name.to_owned());
    draft.refuse(
        host,
        format!("the host cannot become {host}: it holds data under another name"),
        format!("/var/lib/rabbitmq/mnesia belongs to {holder}; under a new name the broker would start empty"),
        format!(
            "name the host {old} in the inventory; or, where the data is worth nothing, stop the broker and move the directory away yourself"
        ),
    );
    true
}
