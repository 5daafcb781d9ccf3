//! The publisher: persistent, mandatory, numbered messages, each published until it is confirmed.

use std::collections::BTreeSet;
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::{End, Pause, Phase, Shared, Target, WINDOW, bounded, close, connect, open};

/// One message in this time: 80 a second leave this machine's cores to the brokers.
const PACE: Duration = Duration::from_micros(12_500);

/// The unconfirmed messages. They outlive connections, and are published again on the next one.
#[derive(Debug, Default)]
struct Backlog {
    unconfirmed: BTreeSet<u64>,
    next: u64,
    /// The last message of the queue.
    last: Option<u64>,
}

impl Backlog {
    fn new_message(&mut self) -> u64 {
        let id = self.next;
        self.next += 1;
        self.unconfirmed.insert(id);
        id
    }

    /// What to publish now, if anything.
    fn pick(&mut self, flying: &BTreeSet<u64>, phase: Phase) -> Option<u64> {
        if flying.len() >= usize::from(WINDOW) {
            return None;
        }
        if let Some(again) = self.unconfirmed.difference(flying).next() {
            return Some(*again);
        }
        match phase {
            Phase::Running => Some(self.new_message()),
            Phase::Draining if self.unconfirmed.is_empty() && self.last.is_none() => {
                let id = self.new_message();
                self.last = Some(id);
                Some(id)
            }
            Phase::Draining | Phase::Over => None,
        }
    }
}

pub(super) async fn run(target: &Target, shared: &Shared) {
    let mut backlog = Backlog::default();
    let mut pause = Pause::new();
    while shared.phase() != Phase::Over {
        let before = shared.log().confirmed.len();
        let end = match connect(target).await {
            Ok(connection) => {
                let end = work(target, shared, &mut backlog, &connection).await;
                close(connection, end).await
            }
            Err(trouble) => Err(trouble),
        };
        let Err(trouble) = end else { return };
        let useful = shared.log().confirmed.len() > before;
        pause.after(shared, "the publisher", trouble, useful).await;
    }
}

async fn work(target: &Target, shared: &Shared, backlog: &mut Backlog, connection: &Connection) -> End {
    let channel = open(target, connection).await?;
    bounded("ask for confirms", channel.confirm_select(ConfirmSelectOptions::default())).await?;
    shared.log().publishers += 1;
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut flights = JoinSet::new();
    let mut flying = BTreeSet::new();
    loop {
        tokio::select! {
            Some(flight) = flights.join_next() => {
                let (id, end): (u64, _) = flight.map_err(|error| error.to_string())?;
                flying.remove(&id);
                match end? {
                    Confirmation::Ack(None) => {
                        backlog.unconfirmed.remove(&id);
                        shared.confirmed(id, backlog.last == Some(id));
                    }
                    // It is published again, on this connection.
                    Confirmation::Nack(_) => shared.log().trouble = format!("message {id} was refused"),
                    // No queue accepted it: a new connection declares it.
                    other => return Err(format!("message {id} came back: {other:?}")),
                }
            }
            _ = pace.tick() => {
                let phase = shared.phase();
                let done = phase == Phase::Draining && shared.log().last.is_some();
                if done || phase == Phase::Over {
                    return Ok(());
                }
                if let Some(id) = backlog.pick(&flying, phase) {
                    flying.insert(id);
                    let confirm = publish(&channel, &target.queue, id).await?;
                    flights.spawn(async move { (id, bounded("wait for a confirm", confirm).await) });
                }
            }
        }
    }
}

async fn publish(channel: &Channel, queue: &str, id: u64) -> Result<lapin::PublisherConfirm, String> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default().with_delivery_mode(2);
    let body = id.to_string();
    bounded("publish", channel.basic_publish("".into(), queue.into(), options, body.as_bytes(), properties))
        .await
}
