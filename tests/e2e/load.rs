//! What a cluster has to do while a playbook works on it: clients behind the balancer, on a quorum queue and, on versions
//! that have them, on a mirrored one.

use crate::lab::Suite;
use crate::stage::{Stage, say};
use crate::traffic::Traffic;

/// Traffic on queues of its own.
pub struct Load<'a> {
    stage: &'a Stage,
    name: &'static str,
    traffics: Vec<(&'static str, Traffic)>,
}

impl<'a> Load<'a> {
    /// Begins, and returns when messages go both ways. The queues are called after `name`.
    #[track_caller]
    pub fn start(stage: &'a Stage, name: &'static str) -> Self {
        let traffic = |kind: &str| stage.traffic(&format!("{name}-{kind}"), kind);
        let mut traffics = vec![("quorum", traffic("quorum"))];
        if stage.lab.suite() == Suite::Bookworm {
            stage.lab.stdout_of(
                "node1",
                &format!(
                    "rabbitmqctl -q set_policy --apply-to queues {name} '^{name}-classic$' \
                     '{{\"ha-mode\":\"all\",\"ha-sync-mode\":\"automatic\"}}'"
                ),
            );
            traffics.push(("mirrored", traffic("classic")));
        }
        let load = Self { stage, name, traffics };
        load.goes_on();
        load
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
        let (stage, name) = (self.stage, self.name);
        self.end_but_keep(what);
        let mut forget = format!("rabbitmqctl -q delete_queue {name}-quorum");
        if stage.lab.suite() == Suite::Bookworm {
            forget += &format!(
                " && rabbitmqctl -q delete_queue {name}-classic && rabbitmqctl -q clear_policy {name}"
            );
        }
        stage.lab.stdout_of("node1", &forget);
    }

    /// The same; the queues stay.
    #[track_caller]
    pub fn end_but_keep(self, what: &str) {
        self.goes_on();
        let suite = self.stage.lab.suite().name();
        let tallies: Vec<_> =
            self.traffics.into_iter().map(|(kind, traffic)| (kind, traffic.stop())).collect();
        for (kind, tally) in &tallies {
            say(&format!("{suite:8}           {what}, {kind} queue: {tally}"));
        }
        for (_, tally) in tallies {
            tally.assert_none_lost();
        }
    }
}
