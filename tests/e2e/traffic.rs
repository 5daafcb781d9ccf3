//! Simulated applications: a publisher and a consumer that keep running in all conditions of the cluster, and count messages. A
//! confirmed message that is never delivered counts as lost.

mod consumer;
mod publisher;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::program::until;

/// The maximum of unconfirmed messages, and of unacknowledged ones at the consumer.
const WINDOW: u16 = 50;
/// The timeout of a broker's answer; then the client uses another one behind the load balancer.
const PATIENCE: Duration = Duration::from_secs(3);
/// The pause between tries: none at first, and short at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(800);
/// How often either side checks whether to stop.
const LOOK: Duration = Duration::from_millis(100);
/// The bound on every wait of a test.
const LONGEST: Duration = Duration::from_secs(60);
/// A message that is missing after the queue has been empty for this long, without other consumers, is lost.
const QUIET: Duration = Duration::from_secs(3);
/// The bound on draining. A broker that was cut off needs up to 75 s to notice that a consumer is gone, before it
/// redelivers that one's messages.
const LONGEST_DRAIN: Duration = Duration::from_secs(120);

/// Where the messages go.
#[derive(Debug, Clone)]
struct Target {
    uri: String,
    queue: String,
    /// The queue's type, where the queue is ours to declare.
    kind: Option<String>,
}

impl Target {
    /// Whether consumed messages stay, so that a consumer has to give its offset.
    fn is_stream(&self) -> bool {
        self.kind.as_deref() == Some("stream")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// Only one last message, after which the queue is empty.
    Draining,
    Over,
}

/// The counts.
#[derive(Debug)]
struct Log {
    confirmed: BTreeSet<u64>,
    consumed: BTreeSet<u64>,
    duplicates: usize,
    publishers: usize,
    consumers: usize,
    /// The last confirm, or the start.
    confirm: Instant,
    longest_gap: Duration,
    /// Since when the broker reports that the queue is empty and that no other consumer could have a message.
    empty: Option<Instant>,
    /// The message that was published last, once it is confirmed.
    last: Option<u64>,
    /// Of a stream: the offset of the next consumer.
    offset: i64,
    consumer_rests: bool,
    /// The last error, for the message of a test whose wait times out.
    trouble: String,
}

impl Log {
    /// How many messages were confirmed and are not consumed yet.
    fn missing(&self) -> usize {
        self.confirmed.difference(&self.consumed).count()
    }
}

#[derive(Debug)]
struct Shared {
    log: Mutex<Log>,
    phase: watch::Sender<Phase>,
    pause: watch::Sender<bool>,
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("nobody panics with it")
    }

    fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    fn paused(&self) -> bool {
        *self.pause.borrow()
    }

    /// The broker has confirmed it; it may be the last one.
    fn confirmed(&self, id: u64, last: bool) {
        let mut log = self.log();
        if last {
            log.last = Some(id);
        }
        if !log.confirmed.is_empty() {
            log.longest_gap = log.longest_gap.max(log.confirm.elapsed());
        }
        log.confirmed.insert(id);
        log.confirm = Instant::now();
    }

    fn consumed(&self, id: u64) {
        let mut log = self.log();
        log.empty = None;
        if !log.consumed.insert(id) {
            log.duplicates += 1;
        }
    }
}

/// The end of one connection: why it must be opened again, or nothing if all is done.
type End = Result<(), String>;

/// A call with a timeout, since a broker may go silent.
async fn bounded<T>(what: &str, work: impl Future<Output = lapin::Result<T>>) -> Result<T, String> {
    match timeout(PATIENCE, work).await {
        Ok(done) => done.map_err(|error| format!("{what}: {error}")),
        Err(_) => Err(format!("{what}: no answer within {PATIENCE:?}")),
    }
}

/// A separate connection.
async fn connect(target: &Target) -> Result<Connection, String> {
    bounded("connect", Connection::connect(&target.uri, ConnectionProperties::default())).await
}

/// A channel, with the queue declared on it.
async fn open(target: &Target, connection: &Connection) -> Result<Channel, String> {
    let channel = bounded("open a channel", connection.create_channel()).await?;
    if let Some(kind) = &target.kind {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString(kind.as_str().into()));
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let declare = channel.queue_declare(target.queue.as_str().into(), options, arguments);
        bounded("declare the queue", declare).await?;
    }
    Ok(channel)
}

/// Dropping a connection does not end it while a call is unanswered: its heartbeats would go on, and the broker would
/// deliver to a consumer whose answer came too late. After an error it is not waited for, since it may never end.
async fn close(connection: Connection, end: End) -> End {
    let close = async move { bounded("close", connection.close(200, "bye".into())).await };
    if end.is_err() {
        tokio::spawn(close);
    } else {
        // Its result does not matter: the work is done.
        let _ = close.await;
    }
    end
}

/// Back-off between the tries of one side.
#[derive(Debug)]
struct Pause(Duration);

impl Pause {
    fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    /// Records the error; the next pause is longer unless this connection had worked.
    async fn after(&mut self, shared: &Shared, side: &str, trouble: String, useful: bool) {
        shared.log().trouble = format!("{side}: {trouble}");
        if useful {
            *self = Self::new();
        }
        sleep(self.0).await;
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
    }
}

/// A running publisher and consumer. Dropping it ends them.
#[derive(Debug)]
pub struct Traffic {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    queue: String,
}

impl Traffic {
    /// Starts both on a durable queue of this type, `quorum`, `classic` or `stream`, which they declare if it is missing.
    pub fn start(address: &str, login: (&str, &str), queue: &str, kind: &str) -> Self {
        Self::begin(address, login, queue, Some(kind.to_owned()))
    }

    /// Starts both on a queue that is there, and that they never declare.
    #[allow(dead_code, reason = "for the tests of queues that somebody else made")]
    pub fn start_on_existing(address: &str, login: (&str, &str), queue: &str) -> Self {
        Self::begin(address, login, queue, None)
    }

    fn begin(address: &str, (user, password): (&str, &str), queue: &str, kind: Option<String>) -> Self {
        let target = Target {
            // A silently lost connection is noticed within twice this time.
            uri: format!("amqp://{user}:{password}@{address}:5672/%2f?heartbeat=5"),
            queue: queue.to_owned(),
            kind,
        };
        let now = Instant::now();
        let log = Log {
            confirmed: BTreeSet::new(),
            consumed: BTreeSet::new(),
            duplicates: 0,
            publishers: 0,
            consumers: 0,
            confirm: now,
            longest_gap: Duration::ZERO,
            empty: None,
            last: None,
            offset: 0,
            consumer_rests: false,
            trouble: String::new(),
        };
        let shared = Arc::new(Shared {
            log: Mutex::new(log),
            phase: watch::Sender::new(Phase::Running),
            pause: watch::Sender::new(false),
        });
        let theirs = shared.clone();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                tokio::join!(publisher::run(&target, &theirs), consumer::run(&target, &theirs))
            });
        });
        Self { shared, thread: Some(thread), queue: queue.to_owned() }
    }

    /// Blocks until this many more messages were confirmed, and this many more were consumed.
    #[track_caller]
    pub fn wait_for(&self, count: usize) {
        let (confirmed, consumed) = self.counts();
        self.wait(&format!("{count} more messages are confirmed and consumed"), |now| {
            now.0 >= confirmed + count && now.1 >= consumed + count
        });
    }

    /// Blocks until this many more messages were confirmed, consumed or not.
    #[track_caller]
    pub fn wait_for_confirms(&self, count: usize) {
        let (confirmed, _) = self.counts();
        self.wait(&format!("{count} more messages are confirmed"), |now| now.0 >= confirmed + count);
    }

    /// The consumer leaves the queue, giving back what it has not acknowledged; the publisher goes on.
    #[track_caller]
    pub fn pause_consumer(&self) {
        self.shared.pause.send_replace(true);
        until("the consumer rests", LONGEST, || self.shared.log().consumer_rests.then_some(()));
    }

    pub fn resume_consumer(&self) {
        self.shared.pause.send_replace(false);
    }

    /// From now on a gap without a confirm counts; what was before is forgotten.
    pub fn measure_from_now(&self) {
        let mut log = self.shared.log();
        log.longest_gap = Duration::ZERO;
        log.confirm = Instant::now();
    }

    /// Stops publishing, lets the consumer take the rest, and returns the counts.
    pub fn stop(mut self) -> Tally {
        let longest_gap = {
            let log = self.shared.log();
            log.longest_gap.max(log.confirm.elapsed())
        };
        self.resume_consumer();
        self.shared.phase.send_replace(Phase::Draining);
        let start = Instant::now();
        while !self.drained() && start.elapsed() < LONGEST_DRAIN {
            std::thread::sleep(LOOK);
        }
        self.end();
        let log = self.shared.log();
        Tally {
            confirmed: log.confirmed.len(),
            consumed: log.consumed.len(),
            duplicates: log.duplicates,
            lost: log.confirmed.difference(&log.consumed).copied().collect(),
            longest_gap,
            reconnects: log.publishers.saturating_sub(1) + log.consumers.saturating_sub(1),
        }
    }

    /// Everything has arrived, or nothing more can.
    fn drained(&self) -> bool {
        let log = self.shared.log();
        let Some(last) = log.last else { return false };
        let empty = log.empty.is_some_and(|since| since.elapsed() > QUIET);
        log.consumed.contains(&last) && (log.missing() == 0 || empty)
    }

    fn counts(&self) -> (usize, usize) {
        let log = self.shared.log();
        (log.confirmed.len(), log.consumed.len())
    }

    #[track_caller]
    fn wait(&self, what: &str, reached: impl Fn((usize, usize)) -> bool) {
        let start = Instant::now();
        while !reached(self.counts()) {
            // No lock is held in a panic: the thread goes on until the traffic is dropped.
            let (confirmed, consumed) = self.counts();
            let trouble = self.shared.log().trouble.clone();
            assert!(
                start.elapsed() < LONGEST,
                "waited {LONGEST:?} in vain until {what} on {}; {confirmed} were confirmed and {consumed} consumed in \
                 all, and the last trouble was: {trouble}",
                self.queue,
            );
            std::thread::sleep(LOOK);
        }
    }

    fn end(&mut self) {
        self.shared.phase.send_replace(Phase::Over);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            crate::stage::say("the thread of the traffic panicked");
        }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.end();
    }
}

/// The outcome of the messages.
#[derive(Debug, Clone)]
pub struct Tally {
    pub confirmed: usize,
    /// How many different messages were consumed.
    pub consumed: usize,
    /// How many came more than once, which is expected when publishing and consuming are retried.
    pub duplicates: usize,
    /// Confirmed, and never consumed.
    pub lost: Vec<u64>,
    /// The longest time without any confirmation, from the first message to [`Traffic::stop`].
    pub longest_gap: Duration,
    /// New connections of either side after it lost one, or left one that had gone silent.
    pub reconnects: usize,
}

impl Tally {
    /// Traffic flowed, and all that was confirmed has arrived.
    #[track_caller]
    pub fn assert_none_lost(&self) {
        assert!(self.confirmed > 0 && self.lost.is_empty(), "{self}: {:?}", self.lost);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} confirmed, {} consumed, {} twice, ", self.confirmed, self.consumed, self.duplicates)?;
        match self.lost.as_slice() {
            [] => f.write_str("none lost")?,
            [one] => write!(f, "1 lost (number {one})")?,
            [first, .., last] => write!(f, "{} lost (numbers {first} to {last})", self.lost.len())?,
        }
        let gap = self.longest_gap.as_secs_f32();
        let plural = if self.reconnects == 1 { "" } else { "s" };
        write!(f, "; longest without a confirm {gap:.2} s, {} reconnect{plural}", self.reconnects)
    }
}
