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
