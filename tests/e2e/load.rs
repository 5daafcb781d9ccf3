//! Load during a playbook: clients behind the balancer, on a quorum queue and, if the version has them, on a mirrored one.

use crate::amqp;
use crate::inventory::{ADMIN, ADMIN_PASSWORD};
use crate::stage::{Stage, octet, say};
use crate::traffic::{Tally, Traffic};

/// The kind of a queue.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Quorum,
    Mirrored,
    /// On node1 alone.
    Classic,
    Stream,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Quorum => "quorum",
            Self::Mirrored => "mirrored",
            Self::Classic => "classic",
            Self::Stream => "stream",
        }
    }
}

/// Traffic on separate queues.
pub struct Load<'a> {
    stage: &'a Stage,
    name: &'static str,
    traffics: Vec<(Kind, Traffic)>,
}

impl<'a> Load<'a> {
    /// Starts, and returns when messages are published and consumed. The queues are named after `name`.
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

    /// The same with every kind of queue that the version has: a stream, and a classic queue on node1 where nothing is mirrored.
    #[track_caller]
    pub fn of_every_kind(stage: &'a Stage, name: &'static str) -> Self {
        let mut load = Self::start(stage, name);
        let suite = stage.lab.suite();
        if !suite.mirrors() {
            let queue = format!("{name}-classic");
            // Declared through the balancer, it could be on any node.
            amqp::publish(&stage.lab.address(11), (ADMIN, ADMIN_PASSWORD), &queue, "classic", 0)
                .expect("a queue on node1");
            load.traffics.push((Kind::Classic, stage.traffic(&queue, "classic")));
        }
        if suite.streams() {
            load.traffics.push((Kind::Stream, stage.traffic(&format!("{name}-stream"), "stream")));
        }
        load.goes_on();
        load
    }

    /// From now on gaps count.
    pub fn measure_from_now(&self) {
        self.traffics.iter().for_each(|(_, traffic)| traffic.measure_from_now());
    }

    /// The same before there is a cluster: it does not wait, and the clients retry until a broker answers. A mirroring policy
    /// cannot exist yet, so there is only a quorum queue.
    pub fn before_any_cluster(stage: &'a Stage, name: &'static str) -> Self {
        Self::before_any_at(stage, name, octet("lb1"))
    }

    /// The same through the address with this last number, which nobody has yet.
    pub fn before_any_at(stage: &'a Stage, name: &'static str, address: u8) -> Self {
        let (queue, login) = (format!("{name}-quorum"), (ADMIN, ADMIN_PASSWORD));
        let traffic = Traffic::start(&stage.lab.address(address), login, &queue, "quorum");
        let traffics = vec![(Kind::Quorum, traffic)];
        Self { stage, name, traffics }
    }

    /// Waits until every queue has accepted and delivered another hundred messages.
    #[track_caller]
    pub fn goes_on(&self) {
        for (_, traffic) in &self.traffics {
            traffic.wait_for(100);
        }
    }

    /// Ends it: prints the counts, checks that nothing was lost, and deletes the queues. `what` was done meanwhile.
    #[track_caller]
    pub fn end(self, what: &str) {
        self.close(what).into_iter().for_each(|tally| tally.assert_none_lost());
    }

    /// The same; the queues stay.
    #[track_caller]
    pub fn end_but_keep(self, what: &str) {
        self.stop(what).into_iter().for_each(|(_, tally)| tally.assert_none_lost());
    }

    /// Ends it and removes the queues. The caller checks for lost messages.
    #[track_caller]
    pub fn close(self, what: &str) -> Vec<Tally> {
        self.close_each(what).into_iter().map(|(_, tally)| tally).collect()
    }

    /// The same, each with its kind of queue.
    #[track_caller]
    pub fn close_each(self, what: &str) -> Vec<(Kind, Tally)> {
        let (stage, name) = (self.stage, self.name);
        let close = |(kind, tally)| {
            stage.lab.stdout_of(
                "node1",
                &match kind {
                    Kind::Quorum | Kind::Classic | Kind::Stream => {
                        format!("rabbitmqctl -q delete_queue {name}-{}", kind.word())
                    }
                    Kind::Mirrored => format!(
                        "rabbitmqctl -q delete_queue {name}-classic && rabbitmqctl -q clear_policy {name}"
                    ),
                },
            );
            (kind, tally)
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
