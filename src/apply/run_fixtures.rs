//! Hosts that do what a test tells them, and plans for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::{self, JoinHandle};

use super::fence::{Frame, RunMark};
use super::run::Engine;
use super::{
    Event, EventSink, EventStream, Interrupt, PlanDefect, Report, SecretResolver, interrupt::Stopper,
};
use crate::facts::ProbeRequest;
use crate::inventory::{Become, HostKeys, Ssh};
use crate::model::{DigestKey, HostName, Secret, SecretName, Secrets};
use crate::operation::{InstallCookie, Operation};
use crate::plan::{Change, Phase, Plan, PlannedHost, Step, StepId};
use crate::transport::{
    Counts, Exec, Held, LineSender, Output, Script, Transport, TransportError, TransportErrorKind,
};

/// What a host does when it comes to a step.
#[derive(Clone)]
pub enum Answer {
    Ends,
    Prints(Vec<String>, i32),
    Fails(i32),
    /// Ends as soon as the gate is open.
    WaitsFor(Arc<Semaphore>),
    /// Fails as soon as the gate is open.
    FailsAfter(Arc<Semaphore>),
    /// Tells its end, then keeps the script open until the gate is.
    EndsThenWaitsFor(Arc<Semaphore>),
    /// The script ends in the middle, with this on stderr.
    Dies(String),
    Lost,
    TimesOut,
    Panics,
}

type Answers = dyn Fn(&str, &str) -> Answer + Send + Sync;

/// A transport to hosts that understand the scripts of [`render`].
pub struct TestHosts {
    answers: Box<Answers>,
    /// The scripts with steps, as `host: what what`.
    pub scripts: Mutex<Vec<String>>,
    /// The largest number of scripts that ran at the same time, and how many run.
    pub at_once: Mutex<(usize, usize)>,
    cookies: Mutex<BTreeMap<String, (String, String)>>,
    pub stop_files: Mutex<BTreeSet<String>>,
    /// How many stop files were ever put.
    pub stops: watch::Sender<usize>,
}

impl TestHosts {
    pub fn new(answers: impl Fn(&str, &str) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            answers: Box::new(answers),
            scripts: Mutex::default(),
            at_once: Mutex::default(),
            cookies: Mutex::default(),
            stop_files: Mutex::default(),
            stops: watch::Sender::new(0),
        })
    }

    pub fn put_cookie(&self, host: &str, banner: &str, cookie: &str) {
        self.cookies.lock().unwrap().insert(host.to_owned(), (banner.to_owned(), cookie.to_owned()));
    }

    pub fn scripts(&self) -> Vec<String> {
        self.scripts.lock().unwrap().clone()
    }

    fn command(&self, host: &HostName, text: &str) -> Output {
        if let Some(path) = text.strip_prefix(": > ") {
            self.stop_files.lock().unwrap().insert(path.to_owned());
            self.stops.send_modify(|stops| *stops += 1);
            return Output::default();
        }
        if let Some(path) = text.strip_prefix("rm -f ") {
            self.stop_files.lock().unwrap().remove(path);
            return Output::default();
        }
        let frame = text.split_whitespace().nth(2).unwrap().trim_end_matches(';');
        match self.cookies.lock().unwrap().get(host.as_str()) {
            Some((banner, cookie)) => {
                let stdout = format!("{banner}{frame}\n{cookie}{frame}\n").into_bytes();
                Output { stdout, ..Output::default() }
            }
            None => Output { code: 1, stderr: b"No such file".to_vec(), ..Output::default() },
        }
    }

    async fn script(
        &self,
        host: &HostName,
        text: &str,
        lines: &LineSender,
    ) -> Result<Output, TransportError> {
        let (nonce, steps) = text.split_once('\n').unwrap();
        let whats: Vec<&str> = steps.lines().map(|id| id.split_once('/').unwrap().1).collect();
        self.scripts.lock().unwrap().push(format!("{host}: {}", whats.join(" ")));
        let say = |line: String| lines.send(line.into_bytes()).unwrap();
        for (id, what) in steps.lines().zip(whats) {
            task::yield_now().await;
            if self.stop_files.lock().unwrap().remove(&format!("/run/rabbitup-{nonce}.stop")) {
                say(format!("{nonce} stopped"));
                break;
            }
            say(format!("{nonce} begin {id}"));
            let code = match (self.answers)(host.as_str(), what) {
                Answer::Ends => 0,
                Answer::Fails(code) => code,
                Answer::Prints(text, code) => {
                    text.iter().for_each(|line| say(line.replace("NONCE", nonce)));
                    code
                }
                Answer::WaitsFor(gate) => {
                    gate.acquire().await.unwrap().forget();
                    0
                }
                Answer::FailsAfter(gate) => {
                    gate.acquire().await.unwrap().forget();
                    1
                }
                Answer::EndsThenWaitsFor(gate) => {
                    say(format!("{nonce} end {id} 0"));
                    gate.acquire().await.unwrap().forget();
                    continue;
                }
                Answer::Dies(stderr) => {
                    return Ok(Output { code: 2, stderr: stderr.into_bytes(), ..Output::default() });
                }
                Answer::Lost => return Err(error(TransportErrorKind::Lost)),
                Answer::TimesOut => return Err(error(TransportErrorKind::TimedOut)),
                Answer::Panics => panic!("as the test wants it"),
            };
            say(format!("{nonce} end {id} {code}"));
            if code != 0 {
                break;
            }
        }
        Ok(Output::default())
    }
}

fn error(kind: TransportErrorKind) -> TransportError {
    TransportError { kind, evidence: "evidence".to_owned() }
}

/// No step holds anything.
pub struct NothingHeld;

impl Held for NothingHeld {
    async fn ended(&mut self) {}

    async fn release(self) {}
}

impl Transport for TestHosts {
    type Held = NothingHeld;

    async fn exec(
        &self,
        host: &HostName,
        exec: Exec,
        lines: Option<LineSender>,
    ) -> Result<Output, TransportError> {
        match exec.script {
            Script::Argument(text) | Script::Attended { text, .. } => Ok(self.command(host, &text)),
            Script::Stdin(secret) => {
                {
                    let mut at_once = self.at_once.lock().unwrap();
                    at_once.1 += 1;
                    at_once.0 = at_once.0.max(at_once.1);
                }
                let text = String::from_utf8(secret.expose().to_vec()).unwrap();
                let result = self.script(host, &text, &lines.unwrap()).await;
                self.at_once.lock().unwrap().1 -= 1;
                result
            }
        }
    }

    async fn hold(
        &self,
        _: &HostName,
        _: String,
        _: Duration,
    ) -> Result<(String, NothingHeld), TransportError> {
        Err(error(TransportErrorKind::NoConnection))
    }

    async fn log_in(&self, host: &HostName) -> Result<(), TransportError> {
        let answer = (self.answers)(host.as_str(), "log in");
        self.scripts.lock().unwrap().push(format!("{host}: (log in)"));
        match answer {
            Answer::Lost => Err(error(TransportErrorKind::NoConnection)),
            _ => Ok(()),
        }
    }

    fn counts(&self) -> Counts {
        Counts::default()
    }

    async fn close(&self) {}
}

/// A script for [`TestHosts`]: the nonce and the steps, line by line.
pub fn render(frame: &Frame<'_>, steps: &[&Step], secrets: &Secrets) -> Result<Secret, SecretName> {
    let mut text = frame.nonce.to_owned();
    for step in steps {
        if let Operation::InstallCookie(InstallCookie { secret, .. }) = &step.operation {
            secrets.get(secret).ok_or_else(|| secret.clone())?;
        }
        text.push('\n');
        text.push_str(step.id.as_str());
    }
    Ok(Secret::new(text.into_bytes()))
}

/// Of a run that locks nothing.
pub fn mark() -> RunMark {
    RunMark { run: None, operator: "ann@desk".to_owned(), plan: "0123456789ab".to_owned() }
}

/// A script that leaves the system journal of the machine that tests it alone.
pub fn without_trail(script: &[u8]) -> Vec<u8> {
    let at = script.windows(8).position(|part| part == b"\nmain() ").expect("the frame");
    [&script[..at], b"\ntrail() { :; }", &script[at..]].concat()
}

/// Of the script whose nonce is `nonce`.
pub fn frame(mark: &RunMark) -> Frame<'_> {
    Frame { nonce: "nonce", mark }
}

pub fn host(name: &str) -> HostName {
    HostName::parse(name).unwrap()
}

/// A step id from `HOST/WHAT`.
pub fn id(text: &str) -> StepId {
    let (name, what) = text.split_once('/').unwrap();
    StepId::new(&host(name), what)
}

pub fn step(on: &str, what: &str, after: &[&str]) -> Step {
    Step {
        id: StepId::new(&host(on), what),
        host: host(on),
        phase: Phase::Start,
        change: Change::Change,
        title: what.to_owned(),
        reason: String::new(),
        diff: None,
        after: after.iter().map(|text| id(text)).collect(),
        operation: Operation::GuardCookie,
        timeout_s: 60,
    }
}

pub fn install_cookie(on: &str, after: &[&str]) -> Step {
    let operation =
        Operation::InstallCookie(InstallCookie { secret: SecretName::cookie(), digest: String::new() });
    Step { operation, ..step(on, "cookie", after) }
}

/// A plan of these steps, whose hosts are those of the steps.
pub fn plan(steps: Vec<Step>) -> Plan {
    let mut hosts: Vec<HostName> = Vec::new();
    for step in &steps {
        if !hosts.contains(&step.host) {
            hosts.push(step.host.clone());
        }
    }
    Plan {
        format_version: 1,
        playbook: "test".to_owned(),
        cluster: Some("orders".to_owned()),
        hosts: hosts.into_iter().map(planned_host).collect(),
        steps,
        notes: Vec::new(),
        secrets: BTreeMap::new(),
        digest_key: DigestKey::fixed(7),
        fingerprint: BTreeMap::new(),
    }
}

fn planned_host(name: HostName) -> PlannedHost {
    let ssh = Ssh {
        destination: name.to_string(),
        user: None,
        port: None,
        identity: None,
        config: None,
        jump: None,
        host_keys: HostKeys::Strict,
        r#become: Become::default(),
        connect_timeout: Duration::from_secs(10),
        persist: Duration::ZERO,
    };
    let probe = ProbeRequest::default();
    PlannedHost { name, ssh, probe }
}

/// A run under way.
pub struct Begun {
    pub end: JoinHandle<Result<Report, PlanDefect>>,
    pub events: EventStream,
    pub stopper: Stopper,
    /// What was read of the events so far.
    pub seen: Vec<Event>,
}

/// Hosts on which every step ends.
pub fn ends() -> Arc<TestHosts> {
    TestHosts::new(|_, _| Answer::Ends)
}

/// What a step waits for until the test lets it go on.
pub fn closed_gate() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(0))
}

pub fn begin(plan: Plan, hosts: &Arc<TestHosts>) -> Begun {
    begin_at_once(plan, hosts, 30)
}

pub fn begin_at_once(plan: Plan, hosts: &Arc<TestHosts>, hosts_at_once: usize) -> Begun {
    let (stopper, mut interrupt) = Interrupt::new();
    let mut sink = EventSink::default();
    let events = sink.subscribe();
    let resolver = SecretResolver::new(Secrets::default(), &plan);
    let engine = Engine { transport: hosts.clone(), resolver, render, mark: mark(), hosts_at_once };
    let end = tokio::spawn(async move { engine.run(&plan, &mut interrupt, &sink).await });
    Begun { end, events, stopper, seen: Vec::new() }
}

impl Begun {
    /// Reads events until one is `wanted`.
    pub async fn until(&mut self, wanted: impl Fn(&Event) -> bool) {
        loop {
            let event = self.events.recv().await.expect("the run goes on").event.clone();
            let found = wanted(&event);
            self.seen.push(event);
            if found {
                return;
            }
        }
    }

    pub async fn until_started(&mut self, step: &str) {
        self.until(|event| matches!(event, Event::StepStarted { step: started, .. } if *started == id(step)))
            .await;
    }

    pub async fn until_succeeded(&mut self, step: &str) {
        self.until(|event| matches!(event, Event::StepSucceeded { step: ended, .. } if *ended == id(step)))
            .await;
    }

    /// Waits for the end and reads what is left.
    pub async fn finish(mut self) -> (Report, Vec<Event>) {
        let report = self.end.await.expect("no panic").expect("a sound plan");
        while let Some(stamped) = self.events.recv().await {
            self.seen.push(stamped.event.clone());
        }
        (report, self.seen)
    }
}

/// The events as short words: `+a/x` started, `=a/x` succeeded, `!a/x` failed, `#a/x<b/y` blocked by, `-a/x` skipped.
pub fn short(events: &[Event]) -> Vec<String> {
    let word = |event: &Event| match event {
        Event::StepStarted { step, .. } => Some(format!("+{step}")),
        Event::StepSucceeded { step, .. } => Some(format!("={step}")),
        Event::StepFailed { step, .. } => Some(format!("!{step}")),
        Event::StepBlocked { step, because_of, .. } => Some(format!("#{step}<{because_of}")),
        Event::StepSkipped { step, .. } => Some(format!("-{step}")),
        _ => None,
    };
    events.iter().filter_map(word).collect()
}
