use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::HostName;
use crate::operation::Operation;
use crate::playbook::Phase;

/// One change on one host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub id: StepId,
    pub host: HostName,
    /// The phase that proposes it.
    pub phase: Phase,
    pub change: Change,
    /// What it does, in the imperative: `install rabbitmq-server 3.10.8-1.1`.
    pub title: String,
    /// Why it is needed: `cookie differs from node1's`.
    pub reason: String,
    /// How a file changes, as a unified diff without secrets.
    pub diff: Option<String>,
    /// Steps of other hosts that must have succeeded before this one starts. Steps of the same host run in the
    /// order of the plan.
    pub after: Vec<StepId>,
    #[serde(rename = "action")]
    pub operation: Operation,
    /// Its timeout, in seconds.
    pub timeout_s: u64,
}

/// `HOST/WHAT`, unique in a plan and the same in every plan with the same need.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepId(String);

impl StepId {
    pub fn new(host: &HostName, what: &str) -> Self {
        Self(format!("{host}/{what}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for StepId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// The kind of change, and its symbol on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Add,
    Change,
    Remove,
    Restart,
    Command,
}

impl Change {
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Change => "~",
            Self::Remove => "-",
            Self::Restart => "↻",
            Self::Command => "!",
        }
    }

    /// How many there are of each kind.
    pub fn tally(changes: impl IntoIterator<Item = Self>) -> BTreeMap<Self, usize> {
        let mut counts = BTreeMap::new();
        for change in changes {
            *counts.entry(change).or_default() += 1;
        }
        counts
    }
}
