use super::{Draft, join};
use crate::facts::BrokerState;
use crate::inventory::Host;
use crate::plan::{Action, Change, Proposal, StepId, render, view};
use crate::playbook::Minutes;

/// Starts every broker that does not run. A blank node finds the anchor's cluster at its first start, so it waits for
/// the anchor and for the broker in front of it; a node with data of its own comes back as what it was, all
/// at once, because members of a stopped cluster wait for each other.
pub fn plan(draft: &mut Draft<'_>, patience: Minutes) {
    let mut brokers = draft.brokers();
    brokers.sort_by_key(|host| host.name != draft.anchor);
    for host in brokers {
        let Some(facts) = draft.host(&host.name) else { continue };
        let unit = facts.unit(crate::rabbitmq::BROKER_UNIT);
        match facts.broker.clone() {
            BrokerState::Down => start(draft, host, patience),
            BrokerState::AppStopped => start_app(draft, host, patience),
            BrokerState::Unknown(why) => draft.refuse(
                &host.name,
                format!("{} runs and does not answer", host.node()),
                why,
                "look at its log: /var/log/rabbitmq; rabbitup status shows what the others see",
            ),
            BrokerState::Running(_) if !unit.is_enabled() && unit.exists => enable(draft, host),
            BrokerState::Running(_) | BrokerState::CookieRefused => {}
        }
    }
}

fn start(draft: &mut Draft<'_>, host: &Host, patience: Minutes) {
    let node = host.node();
    let Some(anchor) = draft.desired.host(&draft.anchor) else { return };
    let seed = anchor.node();
    let Some(facts) = draft.host(&host.name) else { return };
    let has_data = facts.data_of.contains(&node.to_string());
    let listed = draft.host(&anchor.name).and_then(|f| f.node()).is_some_and(|n| view::lists(n, &node));
    if host.name != anchor.name && !has_data && listed {
        return join::refuse_ghost(draft, host, anchor);
    }
    let enters = !has_data && render::enters_at_first_start(draft.desired, host, &seed);
    if enters && draft.host(&anchor.name).and_then(|f| f.node()).is_none() {
        return draft.refuse(
            &host.name,
            format!("{node} cannot be started before {seed} serves"),
            format!("{node} is blank and is to enter the cluster of {seed} at its first start"),
            format!("include {} in --limit, or start it first", anchor.name),
        );
    }
    let waits_for = if enters { join::queue(draft) } else { Vec::new() };
    let (title, reason) = match (enters, has_data) {
        (true, _) => (
            format!("start {node}, which enters the cluster of {seed}"),
            "blank, and not a member yet".to_owned(),
        ),
        (false, true) => (format!("start {node}"), "it does not run".to_owned()),
        (false, false) => (format!("start {node}"), "it has never run".to_owned()),
    };
    let names = draft.desired.cluster.names;
    let action =
        Action::StartBroker { node, names, seed: enters.then_some(seed), patience_s: patience.seconds() };
    draft.propose(
        Proposal::new(&host.name, "start", Change::Command, action)
            .title(title)
            .because(reason)
            .after(waits_for)
            .within(720 + patience.seconds()),
    );
}

fn start_app(draft: &mut Draft<'_>, host: &Host, patience: Minutes) {
    let node = host.node();
    let names = draft.desired.cluster.names;
    let action = Action::StartApp { node: node.clone(), names, patience_s: patience.seconds() };
    draft.propose(
        Proposal::new(&host.name, "start-app", Change::Command, action)
            .title(format!("start RabbitMQ in the running Erlang VM of {node}"))
            .because("somebody stopped it there (stop_app)")
            .within(360 + patience.seconds()),
    );
}

fn enable(draft: &mut Draft<'_>, host: &Host) {
    let unit = crate::rabbitmq::BROKER_UNIT.to_owned();
    draft.propose(
        Proposal::new(&host.name, "enable", Change::Change, Action::StartUnit { unit })
            .title("start rabbitmq-server at every boot")
            .because("the unit is not enabled"),
    );
}

/// The steps that bring a broker to serving, by their ids.
pub(super) fn serving_steps(draft: &Draft<'_>, host: &Host) -> Vec<StepId> {
    draft.last_of(&[&host.name], &["start", "restart", "join"])
}
