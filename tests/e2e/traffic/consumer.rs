//! The consumer: it records a message, then acknowledges it.

use std::time::{Duration, Instant};

use lapin::Connection;
use lapin::message::{Delivery, DeliveryResult};
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use tokio::sync::mpsc;
use tokio::time::{interval, sleep};

use super::{End, LOOK, Pause, Phase, Shared, Target, WINDOW, bounded, close, connect, open};

/// A consumer without a message for this long, although some are due, subscribes again.
const STUCK: Duration = Duration::from_secs(10);
/// The offset of a consumer of a stream, and of a message.
const OFFSET: &str = "x-stream-offset";

pub(super) async fn run(target: &Target, shared: &Shared) {
    let mut pause = Pause::new();
    while shared.phase() != Phase::Over {
        shared.log().consumer_rests = shared.paused();
        if shared.paused() {
            sleep(LOOK).await;
            continue;
        }
        let before = shared.log().consumed.len();
        let end = match connect(target).await {
            Ok(connection) => {
                let end = work(target, shared, &connection).await;
                close(connection, end).await
            }
            Err(trouble) => Err(trouble),
        };
        if let Err(trouble) = end {
            let useful = shared.log().consumed.len() > before;
            pause.after(shared, "the consumer", trouble, useful).await;
        }
    }
}

async fn work(target: &Target, shared: &Shared, connection: &Connection) -> End {
    let channel = open(target, connection).await?;
    bounded("set the prefetch", channel.basic_qos(WINDOW, BasicQosOptions::default())).await?;
    let options = BasicConsumeOptions::default();
    let mut arguments = FieldTable::default();
    if target.is_stream() {
        arguments.insert(OFFSET.into(), AMQPValue::LongLongInt(shared.log().offset));
    }
    let consume = channel.basic_consume(target.queue.as_str().into(), "".into(), options, arguments);
    let consumer = bounded("consume", consume).await?;
    // Not as a stream, whose trait is in a crate that we would need for nothing else.
    let (to, mut from) = mpsc::unbounded_channel();
    consumer.set_delegate(move |result: DeliveryResult| {
        // There is no receiver when the connection is being closed.
        let _ = to.send(result);
        std::future::ready(())
    });
    shared.log().consumers += 1;
    let mut look = interval(LOOK);
    let mut busy = Instant::now();
    loop {
        tokio::select! {
            result = from.recv() => {
                match result {
                    Some(Ok(Some(delivery))) => note(shared, &delivery).await?,
                    Some(Err(error)) => return Err(error.to_string()),
                    Some(Ok(None)) | None => return Err("the broker cancelled it".to_owned()),
                }
                busy = Instant::now();
            }
            _ = look.tick() => {
                let paused = shared.paused();
                if paused || shared.phase() == Phase::Over {
                    // What was left on request was not lost.
                    shared.log().consumers -= usize::from(paused);
                    return Ok(());
                }
                check(connection, shared, busy)?;
                if shared.phase() == Phase::Draining && shared.log().missing() > 0 {
                    let empty = if target.is_stream() { has_last(shared) } else { is_empty(connection, &target.queue).await? };
                    let mut log = shared.log();
                    log.empty = if empty { log.empty.or(Some(Instant::now())) } else { None };
                }
            }
        }
    }
}

async fn note(shared: &Shared, delivery: &Delivery) -> End {
    let body = String::from_utf8_lossy(&delivery.data);
    let id = body.parse().map_err(|_| format!("a message that is none of ours: {body}"))?;
    shared.consumed(id);
    if let Some(offset) =
        delivery.properties.headers().as_ref().and_then(|headers| headers.inner().get(OFFSET))
        && let Some(offset) = offset.as_long_long_int()
    {
        shared.log().offset = offset + 1;
    }
    bounded("acknowledge", delivery.ack(BasicAckOptions::default())).await.map(drop)
}

fn check(connection: &Connection, shared: &Shared, busy: Instant) -> End {
    if !connection.status().connected() {
        return Err("the connection is gone".to_owned());
    }
    let log = shared.log();
    if busy.elapsed() > STUCK && log.missing() > 0 {
        return Err(format!("nothing came within {STUCK:?}, although something is due"));
    }
    Ok(())
}

/// A stream keeps its order, so nothing that was confirmed before its last message comes after that.
fn has_last(shared: &Shared) -> bool {
    let log = shared.log();
    log.last.is_some_and(|last| log.consumed.contains(&last))
}

/// No message waits, and no other consumer could have one: a lost one that the broker has not noticed may.
async fn is_empty(connection: &Connection, queue: &str) -> Result<bool, String> {
    // A separate channel, since a refusal closes the channel.
    let channel = bounded("open a channel", connection.create_channel()).await?;
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let declare = channel.queue_declare(queue.into(), options, FieldTable::default());
    let queue = bounded("look at the queue", declare).await?;
    bounded("close a channel", channel.close(200, "bye".into())).await?;
    Ok((queue.message_count(), queue.consumer_count()) == (0, 1))
}
