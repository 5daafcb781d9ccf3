use serde::{Deserialize, Serialize};

/// What a long step does at the moment, as it says itself (`doing` in `prelude.sh`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activity {
    /// It waits until the cluster can spare the node.
    AwaitingSpare,
    Draining,
    Stopping,
    Installing,
    Booting,
    AwaitingMembers,
    AwaitingReplicas,
}

impl Activity {
    const ALL: [Self; 7] = [
        Self::AwaitingSpare,
        Self::Draining,
        Self::Stopping,
        Self::Installing,
        Self::Booting,
        Self::AwaitingMembers,
        Self::AwaitingReplicas,
    ];

    /// The word in the mark of a script.
    fn mark(self) -> &'static str {
        match self {
            Self::AwaitingSpare => "awaiting-spare",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::Installing => "installing",
            Self::Booting => "booting",
            Self::AwaitingMembers => "awaiting-members",
            Self::AwaitingReplicas => "awaiting-replicas",
        }
    }

    /// Reads the word of a mark; None for one of another version.
    pub(super) fn of_mark(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|activity| activity.mark() == word)
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::AwaitingSpare => "waiting until it can be stopped safely",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::Installing => "installing",
            Self::Booting => "booting",
            Self::AwaitingMembers => "waiting until it sees every member",
            Self::AwaitingReplicas => "waiting for replicas",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A word in a shell file that nothing reads would be shown by nobody.
    #[test]
    fn every_mark_in_the_shell_is_known_and_every_activity_is_marked() {
        let shell = [
            include_str!("../operation/broker.sh"),
            include_str!("../operation/roll.sh"),
            include_str!("../operation/upgrade.sh"),
            include_str!("../operation/queues.sh"),
        ]
        .concat();
        let marked: BTreeSet<&str> =
            shell.lines().filter_map(|line| line.trim().strip_prefix("doing ")).collect();
        let known: BTreeSet<&str> = Activity::ALL.into_iter().map(Activity::mark).collect();
        assert_eq!(marked, known);
    }

    #[test]
    fn events_have_the_word_of_the_mark() {
        for activity in Activity::ALL {
            let json = serde_json::to_string(&activity).expect("JSON");
            assert_eq!(json, format!("\"{}\"", activity.mark()));
        }
    }
}
