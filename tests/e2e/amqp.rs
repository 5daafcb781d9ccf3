//! An AMQP client of our own, to see a cluster as applications see it.

use std::time::Duration;

use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Connection, ConnectionProperties};

/// No exchange with a broker here takes longer.
const LONGEST: Duration = Duration::from_secs(30);

fn run<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(LONGEST, work).await.map_err(|_| format!("no end within {LONGEST:?}"))
    })
}

async fn connect(address: &str, user: &str, password: &str) -> lapin::Result<Connection> {
    let uri = format!("amqp://{user}:{password}@{address}:5672/%2f");
    Connection::connect(&uri, ConnectionProperties::default()).await
}

/// Whether a login is taken, in the broker's words where it is not.
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

/// How many messages wait in a queue, which is neither made nor changed.
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
