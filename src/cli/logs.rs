//! `rabbitup logs`: what the hosts logged, as one sequence. It only reads.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::task::JoinSet;

use super::arguments::{Called, Common, Data};
use super::exit::{Exit, Failure};
use super::host_arguments::LogsArguments;
use super::named_hosts::hosts_named;
use super::option_values::Age;
use super::print;
use super::session::{Session, unreachable};
use super::signals::watched;
use crate::apply::{Request, ask, ask_all};
use crate::facts::{Facts, Observation, ParseError, Unreachable};
use crate::history::Moment;
use crate::inventory::Host;
use crate::logs::{Answer, From, LogLine, Reading, Sequence, Source};
use crate::model::{HostName, printable};
use crate::redact::{Known, Redactor};
use crate::report::{LogRecord, Routes, log_text};
use crate::transport::{Output, SshTransport};

/// How many lines of each source are shown unless the command line says.
const LINES: u64 = 50;
/// How often a followed log is read. Nothing stays behind on a host, whatever ends this command.
const EVERY: Duration = Duration::from_secs(1);
/// How long lines of several hosts are waited for, to be shown in the order of their times.
const TOGETHER: Duration = Duration::from_millis(200);
/// How many answers are taken at once.
const MOST_AT_ONCE: usize = 1024;

/// `rabbitup logs`.
pub async fn run(common: &Common, arguments: &LogsArguments) -> Result<Exit, Failure> {
    let session = Session::open(common, &Called::default(), &Data::default())?;
    let words = if arguments.hosts.is_empty() { &common.limit } else { &arguments.hosts };
    let hosts = match words.is_empty() {
        true => session.desired.hosts.iter().map(|host| host.name.clone()).collect(),
        false => hosts_named(&session.desired, "logs", words)?,
    };
    let began = SystemTime::now();
    let since = arguments.since.map(|Age(age)| began.checked_sub(age).unwrap_or(UNIX_EPOCH));
    let mut reader = Reader::new(&session, hosts, first(arguments.lines, since));
    let shown = show(&mut reader, common, arguments, since).await;
    session.close(common).await;
    shown
}

/// Where the first look begins.
fn first(lines: Option<NonZeroU32>, since: Option<SystemTime>) -> From {
    let seconds = |at: SystemTime| at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    match (lines, since) {
        (None, Some(at)) => From::Since(seconds(at)),
        (lines, _) => From::Last(lines.map_or(LINES, |lines| u64::from(lines.get()))),
    }
}

async fn show(
    reader: &mut Reader<'_>,
    common: &Common,
    arguments: &LogsArguments,
    since: Option<SystemTime>,
) -> Result<Exit, Failure> {
    // One listener for everything: a signal during the first look is not lost.
    let interrupt = arguments.follow.then(watched).transpose()?;
    let look = reader.look().await;
    let mut sequence = look.sequence;
    if let Some(at) = since {
        sequence.since(Moment::from(at));
    }
    reader.print(sequence, common);
    let silent = Facts { hosts: look.silent };
    if !silent.hosts.is_empty() {
        let failure = unreachable(&silent, &Routes::from(&reader.session.desired), common.style_of_stderr());
        if !arguments.follow || silent.hosts.len() == reader.readings.len() {
            return Err(failure);
        }
        failure.print(common.style_of_stderr());
    }
    let Some(mut interrupt) = interrupt else { return Ok(Exit::Done) };
    let silent: BTreeSet<HostName> = silent.hosts.into_keys().collect();
    tokio::select! {
        _ = interrupt.next() => {}
        never = follow(reader, common, silent) => match never {},
    }
    // From here on a second signal ends the program at once.
    drop(interrupt);
    Ok(Exit::Interrupted)
}

/// Shows what is new as it comes, until the future is dropped. `silent` are the hosts that do not answer.
async fn follow(reader: &mut Reader<'_>, common: &Common, mut silent: BTreeSet<HostName>) -> Infallible {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    // Each on its own: a host that does not answer holds no other back. Dropped with this future.
    let mut followers = JoinSet::new();
    for (host, reading) in &reader.readings {
        let follower = Follower {
            transport: reader.session.transport.clone(),
            host: host.clone(),
            reading: reading.clone(),
            answers: sender.clone(),
        };
        followers.spawn(follower.follow());
    }
    loop {
        let mut answers = Vec::new();
        if receiver.recv_many(&mut answers, MOST_AT_ONCE).await == 0 {
            // All followers are gone, which only the end of the program brings about.
            std::future::pending::<()>().await;
        }
        // What the others tell at about the same time is sorted with it.
        tokio::time::sleep(TOGETHER).await;
        while let Ok(answer) = receiver.try_recv() {
            answers.push(answer);
        }
        let mut sequence = Sequence::default();
        for (host, answer) in answers {
            match answer {
                Ok(lines) => {
                    if silent.remove(&host) {
                        print::stderr(&format!("{host}: answers again\n"));
                    }
                    reader.add(&mut sequence, &host, lines);
                }
                Err(why) => {
                    if silent.insert(host.clone()) {
                        let why = why.evidence.lines().next().unwrap_or("it does not answer").to_owned();
                        print::stderr(&format!("{host}: {}; trying again\n", printable(&why)));
                    }
                }
            }
        }
        reader.print(sequence, common);
    }
}

/// What a follower sends.
type FollowedAnswer = (HostName, Result<Vec<LogLine>, Unreachable>);

/// Reads the logs of one host on and on.
struct Follower {
    transport: Arc<SshTransport>,
    host: HostName,
    reading: Reading,
    answers: UnboundedSender<FollowedAnswer>,
}

impl Follower {
    async fn follow(mut self) {
        loop {
            tokio::time::sleep(EVERY).await;
            let answer = ask(self.transport.as_ref(), &self.host, &self.reading).await.map(|answer| {
                self.reading.go_on(answer.place);
                answer.lines
            });
            if self.answers.send((self.host.clone(), answer)).is_err() {
                break;
            }
        }
    }
}

/// What one look at all hosts gave.
struct Look {
    sequence: Sequence,
    /// Those that did not answer.
    silent: BTreeMap<HostName, Observation>,
}

/// Reads and shows the logs of hosts.
struct Reader<'s> {
    session: &'s Session,
    /// What is asked next of each host.
    readings: BTreeMap<HostName, Reading>,
    /// One for each sequence of lines: a secret may begin on one line and end on the next.
    redactors: BTreeMap<(HostName, Source), Redactor>,
    known: Known,
    width: usize,
}

impl<'s> Reader<'s> {
    fn new(session: &'s Session, hosts: BTreeSet<HostName>, first: From) -> Self {
        let (secrets, _) = session.all_secrets();
        let width = hosts.iter().map(|host| host.as_str().len()).max().unwrap_or_default();
        let node =
            |name: &HostName| session.desired.brokers().find(|host| host.name == *name).map(Host::node);
        let reading = |host: HostName| {
            let reading = Reading { node: node(&host), from: first.clone() };
            (host, reading)
        };
        let readings = hosts.into_iter().map(reading).collect();
        Self { session, readings, redactors: BTreeMap::new(), known: Known::from(&secrets), width }
    }

    async fn look(&mut self) -> Look {
        let answers = ask_all(&self.session.transport, self.readings.clone());
        let mut look = Look { sequence: Sequence::default(), silent: BTreeMap::new() };
        for (host, answer) in answers.await {
            match answer {
                Ok(Answer { lines, place }) => {
                    self.add(&mut look.sequence, &host, lines);
                    if let Some(reading) = self.readings.get_mut(&host) {
                        reading.go_on(place);
                    }
                }
                Err(why) => {
                    look.silent.insert(host, Observation::Unreachable(why));
                }
            }
        }
        look
    }

    /// Adds lines without their secrets.
    fn add(&mut self, sequence: &mut Sequence, host: &HostName, mut lines: Vec<LogLine>) {
        for line in &mut lines {
            let redactor = self.redactors.entry((host.clone(), line.source));
            let redactor = redactor.or_insert_with(|| Redactor::new(self.known.clone()));
            line.text = redactor.line(&line.text);
        }
        sequence.add(host, lines);
    }

    fn print(&self, sequence: Sequence, common: &Common) {
        let lines = sequence.in_order();
        if common.json {
            lines.iter().for_each(|(host, line)| print::json_line(&LogRecord::new(host, line)));
        } else {
            print::stdout(&log_text(&lines, self.width, common.style()));
        }
        print::logged(|style| log_text(&lines, self.width, style));
    }
}

impl Request for Reading {
    const TIMEOUT: Duration = Duration::from_secs(60);
    type Answer = Answer;

    fn command(&self, nonce: &str) -> String {
        Reading::command(self, nonce)
    }

    fn parse(&self, nonce: &str, output: &Output) -> Result<Answer, ParseError> {
        Answer::parse(nonce, &output.stdout)
    }
}
