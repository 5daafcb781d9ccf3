//! A simple AMQP client, to test a cluster as applications see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Confirmation, Connection, ConnectionProperties};

/// The timeout of every exchange with a broker.
const LONGEST: Duration = Duration::from_secs(30);

fn run<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(LONGEST, work).await.map_err(|_| format!("timed out after {LONGEST:?}"))
    })
}

async fn connect(address: &str, user: &str, password: &str) -> lapin::Result<Connection> {
    let uri = format!("amqp://{user}:{password}@{address}:5672/%2f");
    Connection::connect(&uri, ConnectionProperties::default()).await
}

/// Whether a login is accepted; the broker's error if not.
pub fn login(address: &str, user: &str, password: &str) -> Result<(), String> {
    run(async {
        let connection = connect(address, user, password).await.map_err(|error| error.to_string())?;
        connection.close(200, "bye".into()).await.map_err(|error| error.to_string())
    })?
}

/// Publishes messages to a durable queue, each confirmed by the broker, and leaves them there.
pub fn publish(
    address: &str,
    login: (&str, &str),
    queue: &str,
    kind: &str,
    count: usize,
) -> Result<(), String> {
    let work = async {
        let connection = connect(address, login.0, login.1).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString(kind.into()));
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(queue.into(), options, arguments).await?;
        for number in 0..count {
            let body = format!("message {number}");
            let properties = BasicProperties::default().with_delivery_mode(2);
            let options = BasicPublishOptions::default();
            let confirm =
                channel.basic_publish("".into(), queue.into(), options, body.as_bytes(), properties).await?;
            let confirm = confirm.await?;
            assert!(confirm.is_ack(), "the broker did not take message {number}: {confirm:?}");
        }
        connection.close(200, "bye".into()).await
    };
    run(work)?.map_err(|error| error.to_string())
}

/// The number of messages in an existing queue, which is not changed.
pub fn count(address: &str, login: (&str, &str), queue: &str) -> Result<u32, String> {
    let work = async {
        let connection = connect(address, login.0, login.1).await?;
        let channel = connection.create_channel().await?;
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let found = channel.queue_declare(queue.into(), options, FieldTable::default()).await?;
        connection.close(200, "bye".into()).await?;
        Ok::<_, lapin::Error>(found.message_count())
    };
    run(work)?.map_err(|error| error.to_string())
}

/// Takes one message off a queue.
pub fn take(address: &str, login: (&str, &str), queue: &str) -> Result<Option<String>, String> {
    let work = async {
        let connection = connect(address, login.0, login.1).await?;
        let channel = connection.create_channel().await?;
        let found = channel.basic_get(queue.into(), BasicGetOptions::default()).await?;
        let body = match found {
            Some(message) => {
                message.ack(BasicAckOptions::default()).await?;
                Some(String::from_utf8_lossy(&message.data).into_owned())
            }
            None => None,
        };
        connection.close(200, "bye".into()).await?;
        Ok::<_, lapin::Error>(body)
    };
    run(work)?.map_err(|error| error.to_string())
}

/// A publisher that runs until it is stopped, with many messages in flight, and counts those that the broker confirmed and did
/// not return.
#[derive(Debug)]
pub struct Burst {
    confirmed: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How many of a burst's messages are not confirmed yet.
const ON_THEIR_WAY: usize = 50;

impl Burst {
    /// Starts it on a queue that is there, through any node.
    pub fn start(address: &str, (user, password): (&str, &str), queue: &str) -> Self {
        let (confirmed, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (confirmed.clone(), over.clone());
        let (address, user, password, queue) =
            (address.to_owned(), user.to_owned(), password.to_owned(), queue.to_owned());
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            // Messages confirmed before the end count, whatever ended it.
            let _ = runtime.block_on(publish_on(&address, (&user, &password), &queue, &count, &end));
        });
        Self { confirmed, over, thread: Some(thread) }
    }

    pub fn confirmed(&self) -> usize {
        self.confirmed.load(Ordering::SeqCst)
    }

    /// Stops it, and returns the number of confirmed messages.
    pub fn stop(mut self) -> usize {
        self.end();
        self.confirmed()
    }

    fn end(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Burst {
    fn drop(&mut self) {
        self.end();
    }
}

async fn publish_on(
    address: &str,
    (user, password): (&str, &str),
    queue: &str,
    confirmed: &AtomicUsize,
    over: &AtomicBool,
) -> lapin::Result<()> {
    let connection = connect(address, user, password).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let mut pending = std::collections::VecDeque::new();
    while !over.load(Ordering::SeqCst) {
        let properties = BasicProperties::default().with_delivery_mode(2);
        let publish = channel.basic_publish("".into(), queue.into(), options, b"burst", properties);
        pending.push_back(publish.await?);
        if pending.len() < ON_THEIR_WAY {
            continue;
        }
        let Some(oldest) = pending.pop_front() else { continue };
        // A closed queue confirms nothing until its node ends; do not wait longer.
        match tokio::time::timeout(LONGEST, oldest).await {
            Ok(Ok(Confirmation::Ack(None))) => drop(confirmed.fetch_add(1, Ordering::SeqCst)),
            Ok(Ok(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
            Ok(Err(error)) => return Err(error),
            Err(_) => break,
        }
    }
    for rest in pending {
        if let Ok(Ok(Confirmation::Ack(None))) = tokio::time::timeout(Duration::from_secs(2), rest).await {
            confirmed.fetch_add(1, Ordering::SeqCst);
        }
    }
    Ok(())
}

/// A consumer that accepts all messages and acknowledges none, until it is dropped.
#[derive(Debug)]
pub struct Hoarder {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hoarder {
    pub fn start(address: &str, (user, password): (&str, &str), queue: &str) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let end = over.clone();
        let (address, user, password, queue) =
            (address.to_owned(), user.to_owned(), password.to_owned(), queue.to_owned());
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let work = async {
                let connection = connect(&address, &user, &password).await?;
                let channel = connection.create_channel().await?;
                channel.basic_qos(5000, BasicQosOptions::default()).await?;
                let _consumer = channel
                    .basic_consume(
                        queue.as_str().into(),
                        "hoarder".into(),
                        BasicConsumeOptions::default(),
                        FieldTable::default(),
                    )
                    .await?;
                while !end.load(Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Ok::<_, lapin::Error>(())
            };
            // Its queue may be deleted while it consumes.
            let _ = runtime.block_on(work);
        });
        Self { over, thread: Some(thread) }
    }
}

impl Drop for Hoarder {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
