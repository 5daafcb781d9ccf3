//! Names and numbers in sentences.

use std::fmt::Display;

/// Up to how many items a sentence lists all.
const WHOLE: usize = 6;
/// How many it lists of more items.
const HEAD: usize = 3;

/// `a, b and c`.
pub fn listed(items: impl IntoIterator<Item: ToString>) -> String {
    crate::document::listed(items.into_iter().map(|item| item.to_string()), "and")
}

/// `1 queue`, `3 queues`.
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// `once`, `3 times`.
pub fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// `node1, node2, node3`.
pub fn whole<T: Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// `node1, node2, node3`; from the seventh on: `node1, node2, node3 and 47 more`.
pub fn folded<T: Display>(items: &[T]) -> String {
    if items.len() <= WHOLE {
        return whole(items);
    }
    format!("{} and {} more", whole(&items[..HEAD]), items.len() - HEAD)
}

/// Groups items by key, in the order in which the keys first occur.
pub fn grouped<K: PartialEq, V>(items: impl IntoIterator<Item = (K, V)>) -> Vec<(K, Vec<V>)> {
    let mut groups: Vec<(K, Vec<V>)> = Vec::new();
    for (key, value) in items {
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => groups.push((key, vec![value])),
        }
    }
    groups
}

/// A duration in its two largest units: `45 s`, `1 min 12 s`, `3 d 4 h`.
pub fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let first = UNITS.iter().position(|(size, _)| seconds >= *size).unwrap_or(UNITS.len() - 1);
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (size, unit) in UNITS.iter().skip(first).take(2) {
        if rest / size > 0 || parts.is_empty() {
            parts.push(format!("{} {unit}", rest / size));
        }
        rest %= size;
    }
    parts.join(" ")
}

/// How far a clock is off: `250 ms`, `1.5 s`, `6 h 2 min`.
pub fn offset(ms: f64) -> String {
    let ms = ms.abs();
    match std::time::Duration::try_from_secs_f64(ms / 1000.0) {
        Ok(_) if ms < 1000.0 => format!("{ms:.0} ms"),
        Ok(_) if ms < 59_950.0 => format!("{:.1} s", ms / 1000.0),
        Ok(time) => span((time + std::time::Duration::from_millis(500)).as_secs()),
        // More than any clock can be off.
        Err(_) => format!("{ms:.0} ms"),
    }
}
