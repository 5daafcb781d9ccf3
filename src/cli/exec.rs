//! `rabbitup exec`: one command on many hosts, side by side.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::arguments::Common;
use super::connection::Rights;
use super::exit::{Exit, Failure};
use super::host_arguments::ExecArguments;
use super::named_hosts::hosts_named;
use super::print;
use super::session::Session;
use super::signals::watched;
use crate::apply::{Interrupt, Operator, trail_word};
use crate::exec::{Answer, Ended, Fate, GRACE, NoEnd, Order};
use crate::facts::{Facts, Observation};
use crate::inventory::Desired;
use crate::model::HostName;
use crate::redact::{Known, Redactor};
use crate::report::{
    ExecDocument, FailureCode, Routes, beside_text, exec_text, failed_line, silent_text, waiting_line,
};
use crate::transport::{Exec, Script, ScriptAfterError, Transport, TransportError, nonce};

/// How often an operator who waits is told for what.
const TELL: Duration = Duration::from_secs(10);
/// How long hosts may take to end the command after an interruption.
const ENDING: Duration = GRACE.saturating_add(Duration::from_secs(5));

/// How long it is waited then for a command that has perhaps begun: what it printed may be on its way.
const BEGINNING: Duration = Duration::from_secs(1);

/// `rabbitup exec`.
pub async fn run(common: &Common, arguments: &ExecArguments) -> Result<Exit, Failure> {
    let rights = if arguments.sudo { Rights::of_root } else { Rights::of_login };
    let session = Session::open_as(common, rights)?;
    let hosts = named(&session.desired, common, arguments)?;
    let (secrets, _) = session.all_secrets();
    let known = Known::from(&secrets);
    let order = order(arguments, &known)?;
    let everywhere = Everywhere::new(hosts, common);
    let (mut ended, exit) = everywhere.run(&session.transport, &order, &mut watched()?).await;
    session.close(common).await;
    for (_, ended) in &mut ended {
        // Each is a text of its own: a secret may begin on one line and end on the next.
        ended.output = Redactor::new(known.clone()).text(&ended.output);
    }
    let ended: Vec<(&HostName, &Ended)> = ended.iter().map(|(host, ended)| (host, ended)).collect();
    tell(&session.desired, common, &order, &ended);
    Ok(exit)
}

/// The hosts that were named, in the inventory's order. `--limit` leaves out more of them.
fn named(desired: &Desired, common: &Common, arguments: &ExecArguments) -> Result<Vec<HostName>, Failure> {
    let mut named = hosts_named(desired, "exec", &arguments.hosts)?;
    if !common.limit.is_empty() {
        let limit = hosts_named(desired, "--limit", &common.limit)?;
        named.retain(|host| limit.contains(host));
    }
    if named.is_empty() {
        return Err(Failure::new(FailureCode::UnknownHost, "no host of the inventory is meant")
            .next("name hosts that --limit does not leave out, or a role that a host has"));
    }
    let all = desired.hosts.iter().map(|host| host.name.clone());
    Ok(all.filter(|name| named.contains(name)).collect())
}

fn order(arguments: &ExecArguments, known: &Known) -> Result<Order, Failure> {
    let words = arguments.command.clone();
    let operator = trail_word(&Operator::here(String::new()).who);
    let shown = |line: &str| Redactor::new(known.clone()).line(line);
    Order::new(words, nonce(), arguments.timeout.0, operator, shown).map_err(|error| {
        Failure::new(FailureCode::CommandLine, error.to_string())
            .next("put it into a script, copy that to the hosts, and run it there")
    })
}

fn tell(desired: &Desired, common: &Common, order: &Order, ended: &[(&HostName, &Ended)]) {
    if common.json {
        print::json(&ExecDocument::new(ended));
    }
    print::important(common, |style| exec_text(ended, order.limit(), style));
    let style = common.style_of_stderr();
    let held = ended.iter().filter_map(|(host, ended)| Some((*host, ended.under_way.as_ref()?)));
    say(&beside_text(held, SystemTime::now()));
    let silent = ended.iter().filter_map(|(host, ended)| match &ended.fate {
        Fate::Unreachable(why) => Some(((*host).clone(), Observation::Unreachable(why.clone()))),
        Fate::Exited(_) | Fate::TimedOut | Fate::Interrupted | Fate::TooMuchOutput | Fate::Lost(_) => None,
    });
    let silent = Facts { hosts: silent.collect() };
    say(&silent_text(&silent, &Routes::from(desired), style));
    say(&failed_line(ended, order.limit(), style).unwrap_or_default());
}

fn say(text: &str) {
    if !text.is_empty() {
        print::stderr(text);
    }
}

/// The command on all hosts at once.
struct Everywhere<'a> {
    hosts: Vec<HostName>,
    common: &'a Common,
    /// What each host gave so far.
    ended: BTreeMap<HostName, Ended>,
}

impl<'a> Everywhere<'a> {
    fn new(hosts: Vec<HostName>, common: &'a Common) -> Self {
        Self { hosts, common, ended: BTreeMap::new() }
    }

    /// Runs it until all hosts have ended. The first signal ends it on the hosts, the second leaves them alone.
    async fn run<T: Transport>(
        mut self,
        transport: &Arc<T>,
        order: &Order,
        interrupt: &mut Interrupt,
    ) -> (Vec<(HostName, Ended)>, Exit) {
        let (release, released) = watch::channel(false);
        let mut running = JoinSet::new();
        for host in self.hosts.clone() {
            let (transport, order, released) = (transport.clone(), order.clone(), released.clone());
            running.spawn(async move {
                let ended = on_one(transport.as_ref(), &host, &order, released).await;
                (host, ended)
            });
        }
        let began = Instant::now();
        let mut telling = tokio::time::interval_at(began + TELL, TELL);
        let mut signals = 0_u32;
        while signals < 2 {
            tokio::select! {
                // First: the same signal may end ssh, which would look like a host that does not answer.
                biased;
                _ = interrupt.next() => {
                    signals += 1;
                    release.send_replace(true);
                }
                ended = running.join_next() => match ended {
                    Some(Ok((host, ended))) => {
                        self.ended.insert(host, ended);
                    }
                    // Only an aborted or panicked task ends so, and there is none.
                    Some(Err(_)) => {}
                    None => break,
                },
                _ = telling.tick() => self.tell_waiting(began.elapsed()),
            }
        }
        let exit = match (signals, self.ended.values().all(|ended| ended.fate.is_success())) {
            (0, true) => Exit::Done,
            (0, false) => Exit::Failed,
            (1.., _) => Exit::Interrupted,
        };
        let abandoned = || Answer::new("").ended(NoEnd::Silence("not waited for".to_owned()));
        let mut ended = self.ended;
        let with_end = |host: HostName| {
            let ended = ended.remove(&host).unwrap_or_else(abandoned);
            (host, ended)
        };
        (self.hosts.into_iter().map(with_end).collect(), exit)
    }

    fn tell_waiting(&self, after: Duration) {
        if !self.common.json && !self.common.quiet {
            let waiting: Vec<&HostName> =
                self.hosts.iter().filter(|host| !self.ended.contains_key(*host)).collect();
            print::stderr(&waiting_line(&waiting, after, self.common.style_of_stderr()));
        }
    }
}

/// Runs it on one host, until it has ended there or nothing more is heard of it.
async fn on_one<T: Transport>(
    transport: &T,
    host: &HostName,
    order: &Order,
    mut released: watch::Receiver<bool>,
) -> Ended {
    let nonce = nonce();
    let mut answer = Answer::new(&nonce);
    let (sender, mut lines) = mpsc::unbounded_channel();
    let script = Script::Attended { text: order.script(&nonce), released: released.clone() };
    let running = transport.exec(host, Exec { script, timeout: order.patience() }, Some(sender));
    tokio::pin!(running);
    let ending = async {
        let _ = released.wait_for(|released| *released).await;
        Instant::now()
    };
    tokio::pin!(ending);
    let mut interrupted: Option<Instant> = None;
    // What is dropped here ends on the host: its input ends.
    let no_end = loop {
        let patience = if answer.has_begun() { ENDING } else { BEGINNING };
        let deadline = interrupted.map(|at| at + patience);
        tokio::select! {
            biased;
            Some(line) = lines.recv() => {
                answer.take(&line);
                // Processes that the command left behind may hold the session open.
                if answer.has_ended() {
                    break NoEnd::NotBegun;
                }
            }
            result = &mut running => break silence(result.map(|output| output.code)),
            at = &mut ending, if interrupted.is_none() => interrupted = Some(at),
            () = tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                break match answer.has_begun() {
                    true => NoEnd::Silence("it did not end when it was interrupted".to_owned()),
                    false => NoEnd::NotBegun,
                };
            }
        }
    };
    // What came with the end of the session.
    while let Ok(line) = lines.try_recv() {
        answer.take(&line);
    }
    answer.ended(no_end)
}

/// Why a session ended in which the command's end may not have been told.
fn silence(result: Result<i32, TransportError>) -> NoEnd {
    match result {
        Ok(code) => NoEnd::Silence(format!("its shell on the host ended early, with code {code}")),
        Err(error) => match error.kind.script() {
            ScriptAfterError::Flooded => NoEnd::Flood,
            ScriptAfterError::Lost | ScriptAfterError::TimedOut => NoEnd::Silence(error.evidence),
            ScriptAfterError::NeverBegan => NoEnd::Unreachable(error.into()),
        },
    }
}
