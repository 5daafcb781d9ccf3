//! What a plan destroys, in words: beside the question whether to do it, and where it is more than was shown.

use crate::facts::HoldingCounts;
use crate::plan::Destruction;

use super::style::{Ink, Style};
use super::words::Wrapped;
use crate::operation::{Amount, Loss};

/// One line for each loss, without its end.
pub fn destruction_lines(destruction: &Destruction) -> Vec<String> {
    destruction.iter().map(|(loss, amount)| line(loss, amount)).collect()
}

/// The losses as a list under a heading; empty where nothing is destroyed.
pub fn destruction_text(destruction: &Destruction, style: Style) -> String {
    if destruction.is_empty() {
        return String::new();
    }
    let heading = if destruction.destroys() { "This destroys:" } else { "There is no way back from this:" };
    let mut text = format!("{}\n", style.paint(Ink::Heading, heading));
    for line in destruction_lines(destruction) {
        text.push_str(&Wrapped::new(2, (Ink::Removed, "- "), (Ink::Plain, &line)).text(style));
    }
    text
}

fn line(loss: &Loss, amount: &Amount) -> String {
    match loss {
        Loss::Member(node) => {
            format!("{node} leaves the cluster")
        }
        Loss::OnlyCopies(node) => {
            format!(
                "{} of which only {node} has a copy, with their bindings and messages (--destroy-data)",
                counted(amount)
            )
        }
        Loss::Holdings(node) => format!("{} of {node}, which joins another cluster", counted(amount)),
        Loss::DataDirectory(node) => {
            format!(
                "the data of {node} moves to /var/lib/rabbitmq/rabbitup-kept, and no node serves it any more"
            )
        }
        Loss::Version(node) => {
            format!("{node} gets another version of RabbitMQ; no older one starts on its data")
        }
        Loss::FeatureFlags => "feature flags are enabled, and none is ever disabled again".to_owned(),
    }
}

/// `3 messages, 1 queue and an unknown number of users`.
fn counted(amount: &Amount) -> String {
    let counts = match amount {
        Amount::All => return "all data".to_owned(),
        Amount::AtMost(counts) => counts,
    };
    // No catch-all: whoever counts another kind says here what it is called.
    let HoldingCounts { queues, messages, vhosts, users, policies, exchanges, parameters, bindings } = counts;
    let kinds = [
        (messages, "message", "messages"),
        (queues, "queue", "queues"),
        (vhosts, "virtual host", "virtual hosts"),
        (users, "user", "users"),
        (policies, "policy", "policies"),
        (exchanges, "exchange", "exchanges"),
        (parameters, "parameter", "parameters"),
        (bindings, "binding", "bindings"),
    ];
    let parts = kinds.into_iter().filter_map(|(count, one, many)| match count {
        Some(0) => None,
        Some(1) => Some(format!("1 {one}")),
        Some(count) => Some(format!("{count} {many}")),
        None => Some(format!("an unknown number of {many}")),
    });
    crate::plan::view::listed(parts)
}
