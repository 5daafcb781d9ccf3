//! What a plan destroys, as text: for the confirmation, and if it is more than was shown.

use crate::facts::HoldingCounts;
use crate::plan::Destruction;

use super::style::{Ink, Style};
use super::words::Wrapped;
use crate::operation::{Amount, Loss};

/// One line for each loss, without newlines.
pub fn destruction_lines(destruction: &Destruction) -> Vec<String> {
    destruction.iter().map(|(loss, amount)| line(loss, amount)).collect()
}

/// The losses as a list under a heading; empty if nothing is destroyed.
pub fn destruction_text(destruction: &Destruction, style: Style) -> String {
    if destruction.is_empty() {
        return String::new();
    }
    let heading = if destruction.destroys() { "This destroys:" } else { "This cannot be undone:" };
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
                "{} that exist only on {node}, with their bindings and messages (--destroy-data)",
                counted(amount)
            )
        }
        Loss::Holdings(node) => format!("{} of {node}, which joins another cluster", counted(amount)),
        Loss::DataDirectory(node) => {
            format!("the data of {node} moves aside on its host (rabbitup-kept), where no node serves it")
        }
        Loss::Version(node) => {
            format!("{node} gets another version of RabbitMQ and cannot be downgraded")
        }
        Loss::FeatureFlags => "feature flags are enabled and cannot be disabled".to_owned(),
    }
}

/// `3 messages, 1 queue and an unknown number of users`.
fn counted(amount: &Amount) -> String {
    let counts = match amount {
        Amount::All => return "all data".to_owned(),
        Amount::AtMost(counts) => counts,
    };
    // No catch-all: every new kind needs its name here.
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
    crate::cluster::phrases::listed(parts)
}
