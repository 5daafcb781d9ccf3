//! The data that a node has of its own, which a join would destroy.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// All data of a node's cluster that joining another one would delete. Excludes the defaults of a blank node (vhost `/`, user
/// `guest`, the `amq.*` exchanges).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holdings {
    pub queues: Vec<QueueHolding>,
    pub vhosts: Vec<String>,
    pub users: Vec<String>,
    /// `VHOST/NAME` of every policy and operator policy.
    pub policies: Vec<String>,
    /// `VHOST/NAME` of every exchange that is not predeclared.
    pub exchanges: Vec<String>,
    /// `COMPONENT VHOST/NAME` of every other runtime parameter: shovels, federation upstreams, limits of virtual hosts;
    /// `global /NAME` for those without a virtual host.
    pub parameters: Vec<String>,
    /// `VHOST/SOURCE → DESTINATION` of every binding between two predeclared exchanges. All other bindings belong to a listed
    /// queue or exchange.
    #[serde(default)]
    pub bindings: Vec<String>,
    /// The number of unlisted items, by kind (`queue`, `user`…). The node lists a thousand of each kind.
    pub more: BTreeMap<String, u64>,
    /// The kinds that the node could not list (`queue`, `user`…): it is unknown what would be lost.
    pub unreadable: Vec<String>,
}

impl Holdings {
    /// Whether it is certain that nothing would be lost.
    pub fn is_empty(&self) -> bool {
        self.unreadable.is_empty() && self.counts() == HoldingCounts::NOTHING
    }

    /// The number of each kind.
    pub fn counts(&self) -> HoldingCounts {
        let count = |kind: &str, listed: usize| {
            let more = self.more.get(kind).copied().unwrap_or_default();
            (!self.unreadable.iter().any(|unread| unread == kind))
                .then(|| more.saturating_add(number(listed)))
        };
        HoldingCounts {
            queues: count("queue", self.queues.len()),
            messages: self.messages(),
            vhosts: count("vhost", self.vhosts.len()),
            users: count("user", self.users.len()),
            policies: count("policy", self.policies.len()),
            exchanges: count("exchange", self.exchanges.len()),
            parameters: count("parameter", self.parameters.len()),
            bindings: count("binding", self.bindings.len()),
        }
    }

    /// The messages in all queues, if all are listed and each was counted: unknown is not zero.
    fn messages(&self) -> Option<u64> {
        let known = !self.more.contains_key("queue") && !self.unreadable.iter().any(|kind| kind == "queue");
        let counted = known.then(|| self.queues.iter().map(|queue| queue.messages));
        counted?.try_fold(0_u64, |sum, messages| Some(sum.saturating_add(messages?)))
    }
}

/// The amount of a node's data, by kind. None if it could not be counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldingCounts {
    pub queues: Option<u64>,
    pub messages: Option<u64>,
    pub vhosts: Option<u64>,
    pub users: Option<u64>,
    pub policies: Option<u64>,
    pub exchanges: Option<u64>,
    pub parameters: Option<u64>,
    pub bindings: Option<u64>,
}

impl HoldingCounts {
    /// A blank node.
    pub const NOTHING: Self = Self {
        queues: Some(0),
        messages: Some(0),
        vhosts: Some(0),
        users: Some(0),
        policies: Some(0),
        exchanges: Some(0),
        parameters: Some(0),
        bindings: Some(0),
    };

    /// Whether consent to losing this amount also covers `now`: no kind has more, and no known number has become unknown.
    pub fn covers(&self, now: &Self) -> bool {
        let covers = |(shown, now): (Option<u64>, Option<u64>)| match (shown, now) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(shown), Some(now)) => now <= shown,
        };
        self.in_order().into_iter().zip(now.in_order()).all(covers)
    }

    /// The larger number of each kind; unknown if either is.
    #[must_use]
    pub fn at_least(&self, other: &Self) -> Self {
        let larger = |one: Option<u64>, other: Option<u64>| Some(one?.max(other?));
        Self {
            queues: larger(self.queues, other.queues),
            messages: larger(self.messages, other.messages),
            vhosts: larger(self.vhosts, other.vhosts),
            users: larger(self.users, other.users),
            policies: larger(self.policies, other.policies),
            exchanges: larger(self.exchanges, other.exchanges),
            parameters: larger(self.parameters, other.parameters),
            bindings: larger(self.bindings, other.bindings),
        }
    }

    /// In the order in which own_data.erl counts them.
    pub fn in_order(&self) -> [Option<u64>; 8] {
        [
            self.queues,
            self.messages,
            self.vhosts,
            self.users,
            self.policies,
            self.exchanges,
            self.parameters,
            self.bindings,
        ]
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueHolding {
    pub vhost: String,
    pub name: String,
    /// The number of messages at the time of the probe; none if the queue did not answer. Not part of a plan's fingerprint.
    #[serde(skip)]
    pub messages: Option<u64>,
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
