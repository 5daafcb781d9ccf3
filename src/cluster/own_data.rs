//! A node's own data in words: what the plan shows before any of it may be deleted.

use std::cmp::Reverse;

use super::phrases::listed;
use crate::facts::{Holdings, QueueHolding};

/// The maximum number of each kind shown by name.
const TOLD: usize = 20;

/// `2 queues with 14 messages, 1 virtual host: queues orders in shop (14 messages), mail (0 messages); virtual hosts
/// shop`. The queues that lose most come first.
pub(crate) fn told(holdings: &Holdings) -> String {
    let names = names_of(holdings);
    if names.is_empty() { described(holdings) } else { format!("{}: {names}", described(holdings)) }
}

/// `2 queues with 14 messages, 1 virtual host`.
fn described(holdings: &Holdings) -> String {
    let counts = holdings.counts();
    let mut parts = Vec::new();
    if let Some(queues) = counts.queues.filter(|count| *count > 0) {
        parts.push(format!("{} with {}", counted_as(queues, "queue", "queues"), messages(holdings)));
    }
    let kinds = [
        (counts.vhosts, "virtual host", "virtual hosts"),
        (counts.users, "user", "users"),
        (counts.exchanges, "exchange", "exchanges"),
        (counts.parameters, "parameter", "parameters"),
        (counts.policies, "policy", "policies"),
        (counts.bindings, "binding", "bindings"),
    ];
    for (count, one, many) in kinds {
        if let Some(count) = count.filter(|count| *count > 0) {
            parts.push(counted_as(count, one, many));
        }
    }
    parts.extend(holdings.unreadable.iter().map(|kind| format!("an unknown number of {}", plural(kind))));
    listed(&parts)
}

/// The messages of all queues: `at least` if some queues did not answer or were not asked.
fn messages(holdings: &Holdings) -> String {
    let sum = holdings.queues.iter().filter_map(|queue| queue.messages).fold(0_u64, u64::saturating_add);
    let unknown = holdings.queues.iter().any(|queue| queue.messages.is_none());
    let least = if unknown || holdings.more.contains_key("queue") { "at least " } else { "" };
    format!("{least}{}", counted_as(sum, "message", "messages"))
}

fn counted_as(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// The plural of a kind as the node names it.
fn plural(kind: &str) -> String {
    match kind {
        "vhost" => "virtual hosts".to_owned(),
        "policy" => "policies".to_owned(),
        other => format!("{other}s"),
    }
}

/// The first of each kind by name; queues with the number of their messages, the fullest first.
fn names_of(holdings: &Holdings) -> String {
    let mut queues: Vec<&QueueHolding> = holdings.queues.iter().collect();
    // A queue of unknown size may be of any size.
    queues.sort_by_key(|queue| Reverse(queue.messages.unwrap_or(u64::MAX)));
    let queues: Vec<String> = queues.into_iter().map(queue_name).collect();
    let kinds = [
        ("queue", &queues),
        ("vhost", &holdings.vhosts),
        ("user", &holdings.users),
        ("policy", &holdings.policies),
        ("exchange", &holdings.exchanges),
        ("parameter", &holdings.parameters),
        ("binding", &holdings.bindings),
    ];
    let some = kinds.into_iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<String> = some
        .map(|(kind, names)| {
            let unlisted = usize::try_from(holdings.more.get(kind).copied().unwrap_or_default());
            let rest = names.len().saturating_sub(TOLD).saturating_add(unlisted.unwrap_or(usize::MAX));
            let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            let first: Vec<&str> = names.iter().take(TOLD).map(String::as_str).collect();
            format!("{} {}{more}", plural(kind), first.join(", "))
        })
        .collect();
    parts.join("; ")
}

fn queue_name(queue: &QueueHolding) -> String {
    queue_words(&queue.vhost, &queue.name, &messages_words(queue.messages))
}

/// `orders in shop (14 messages)`.
pub(crate) fn queue_words(vhost: &str, name: &str, messages: &str) -> String {
    let vhost = if vhost == "/" { String::new() } else { format!(" in {vhost}") };
    format!("{name}{vhost} ({messages})")
}

pub(crate) fn messages_words(messages: Option<u64>) -> String {
    match messages {
        Some(count) => counted_as(count, "message", "messages"),
        None => "messages unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(name: &str, messages: Option<u64>) -> QueueHolding {
        QueueHolding { vhost: "/".to_owned(), name: name.to_owned(), messages }
    }

    #[test]
    fn the_fullest_queues_are_named_first_and_nothing_is_left_uncounted() {
        let mut holdings = Holdings {
            queues: (0..30).map(|at| queue(&format!("empty{at:02}"), Some(0))).collect(),
            bindings: vec!["//amq.topic → amq.direct".to_owned()],
            ..Holdings::default()
        };
        holdings.queues.push(queue("zz-full", Some(7)));
        let text = told(&holdings);
        assert!(
            text.starts_with("31 queues with 7 messages and 1 binding: queues zz-full (7 messages), empty00"),
            "{text}"
        );
        assert!(
            text.contains("empty18 (0 messages) and 11 more; bindings //amq.topic → amq.direct"),
            "{text}"
        );
        holdings.queues.push(queue("silent", None));
        holdings.more.insert("queue".to_owned(), 1500);
        holdings.unreadable = vec!["vhost".to_owned()];
        let text = told(&holdings);
        assert!(text.starts_with("1532 queues with at least 7 messages, 1 binding and an unknown number of virtual hosts: queues silent (messages unknown), zz-full"), "{text}");
        assert!(text.contains(" and 1512 more;"), "{text}");
    }
}
