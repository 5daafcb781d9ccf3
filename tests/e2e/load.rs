//! What a cluster has to do while a playbook works on it: clients behind the balancer, on a quorum queue and, on versions
//! that have them, on a mirrored one.

use crate::stage::{Stage, say};
use crate::traffic::{Tally, Traffic};

/// What keeps a queue's messages when a node is lost.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Quorum,
    Mirrored,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Quorum => "quorum",
            Self::Mirrored => "mirrored",
        }
    }
}

/// Traffic on queues of its own.
pub struct Load<'a> {
    stage: &'a Stage,
    name: &'static str,
    traffics: Vec<(Kind, Traffic)>,
}

impl<'a> Load<'a> {
    /// Begins, and returns when messages go both ways. The queues are called after `name`.
    #[track_caller]
    pub fn start(stage: &'a Stage, name: &'static str) -> Self {
        let traffic = |kind: &str| stage.traffic(&format!("{name}-{kind}"), kind);
        let mut traffics = vec![(Kind::Quorum, traffic("quorum"))];
        if stage.lab.suite().mirrors() {
            stage.lab.stdout_of(
                "node1",
                &format!(
                    "rabbitmqctl -q set_policy --apply-to queues {name} '^{name}-classic$' \
                     '{{\"ha-mode\":\"all\",\"ha-sync-mode\":\"automatic\"}}'"
                ),
            );
            traffics.push((Kind::Mirrored, traffic("classic")));
        }
        let load = Self { stage, name, traffics };
        load.goes_on();
        load
    }

    /// The same where there is no cluster yet: nothing is waited for, and the clients try until somebody answers. A policy
    /// that mirrors has nowhere to be yet, so there is a quorum queue alone.
    pub fn before_any_cluster(stage: &'a Stage, name: &'static str) -> Self {
        let traffics = vec![(Kind::Quorum, stage.traffic(&format!("{name}-quorum"), "quorum"))];
        Self { stage, name, traffics }
    }

    /// Waits until every queue has taken and given another hundred messages.
    #[track_caller]
    pub fn goes_on(&self) {
        for (_, traffic) in &self.traffics {
            traffic.wait_for(100);
        }
    }

    /// Ends it: the tallies are told, nothing may be lost, and the queues go. `what` was done meanwhile.
    #[track_caller]
    pub fn end(self, what: &str) {
        self.close(what).into_iter().for_each(|tally| tally.assert_none_lost());
    }

    /// The same; the queues stay.
    #[track_caller]
    pub fn end_but_keep(self, what: &str) {
        self.stop(what).into_iter().for_each(|(_, tally)| tally.assert_none_lost());
    }

    /// Ends it and removes the queues. What was lost is the caller's to judge.
    #[track_caller]
    pub fn close(self, what: &str) -> Vec<Tally> {
        let (stage, name) = (self.stage, self.name);
        let close = |(kind, tally)| {
            stage.lab.stdout_of(
                "node1",
                &match kind {
                    Kind::Quorum => format!("rabbitmqctl -q delete_queue {name}-quorum"),
                    Kind::Mirrored => format!(
                        "rabbitmqctl -q delete_queue {name}-classic && rabbitmqctl -q clear_policy {name}"
                    ),
                },
            );
            tally
        };
        self.stop(what).into_iter().map(close).collect()
    }

    #[track_caller]
    fn stop(self, what: &str) -> Vec<(Kind, Tally)> {
        self.goes_on();
        let suite = self.stage.lab.suite().name();
        let tallies: Vec<_> =
            self.traffics.into_iter().map(|(kind, traffic)| (kind, traffic.stop())).collect();
        for (kind, tally) in &tallies {
            say(&format!("{suite:8}           {what}, {} queue: {tally}", kind.word()));
        }
        tallies
    }
}
