//! A cluster as a run saw it, for the picture on its page.

use serde::{Deserialize, Serialize};

/// A cluster in boxes, as it is drawn: what was found in words, not the facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSeen {
    /// `Cluster orders`.
    pub title: String,
    /// How much of it worked, in a sentence.
    pub verdict: String,
    /// The addresses that load balancers share.
    pub addresses: Vec<PartSeen>,
    pub balancers: Vec<PartSeen>,
    pub brokers: Vec<PartSeen>,
    /// The hosts that are neither.
    pub others: Vec<PartSeen>,
}

/// A host, or an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSeen {
    pub name: String,
    pub condition: Condition,
    /// What was seen of it, a few words each.
    pub lines: Vec<String>,
}

/// How good what was seen is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    Good,
    Warning,
    Bad,
}
