//! A fault run: one playbook, one fault, one point in a step. The command is run, and the fault hits the first step that it
//! has not hit yet; then the same command is run again and hit at the next step, until a run finds no new step. That last run
//! must converge. So one cluster meets the fault at every step boundary, and each run starts from the state that the previous one
//! was interrupted in.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use super::data;
use super::fault::{Fault, Scene, Struck};
use super::invariants::{self, attempt};
use super::moment::{self, Sign, StepId, When};
use super::playbook::Playbook;
use crate::load::Load;
use crate::pair::SHARED;
use crate::program::{Run, Running};
use crate::stage::{BROKERS, Stage, State, say};
use crate::traffic::Tally;
use crate::watch::Watch;

/// How often a host is polled for the middle of a step.
const LOOK: Duration = Duration::from_millis(20);
/// How often the same command may be run again before it must have converged, once the fault is over.
const TRIES: usize = 3;

/// The longest step, which waits for the members of a cluster (`start`, 12 minutes), and a margin.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// What is run, and with how many injections.
#[derive(Debug, Clone, Copy)]
pub struct FaultRun {
    pub playbook: &'static Playbook,
    pub fault: Fault,
    pub when: When,
    /// The maximum number of injections.
    pub most: usize,
    /// Only every n-th step is hit, starting with the n-th.
    pub every: usize,
    pub first: usize,
    /// The only kind of step that is hit: `address-ready` can never be where the step before it is hit first.
    pub only: Option<&'static str>,
}

/// Never reached: a fault run ends when no step is left to hit.
const UNBOUNDED: usize = 200;

impl FaultRun {
    /// Every step is hit.
    pub const fn whole(playbook: &'static Playbook, fault: Fault, when: When) -> Self {
        Self { playbook, fault, when, most: UNBOUNDED, every: 1, first: 0, only: None }
    }
}

impl fmt::Display for FaultRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.playbook.name, self.fault.word(), self.when.word())?;
        self.only.map_or(Ok(()), |step| write!(f, ":{step}"))
    }
}

/// One step that was hit.
#[derive(Debug)]
pub struct Case {
    pub step: StepId,
    /// What was not true afterwards, or of the runs that followed.
    pub broken: Vec<String>,
}

/// The result of a fault run.
#[derive(Debug)]
pub struct Outcome {
    pub fault_run: FaultRun,
    pub cases: Vec<Case>,
    /// What was wrong at the end; it cannot be attributed to a single injection.
    pub broken: Vec<String>,
    /// Runs without a fault that failed before one succeeded.
    pub failed_again: Vec<String>,
    /// Messages that were confirmed to publishers meanwhile; none if they could not be counted.
    pub confirmed: Option<usize>,
    pub took: Duration,
}

impl Outcome {
    pub fn is_good(&self) -> bool {
        self.broken.is_empty()
            && self.failed_again.is_empty()
            && self.cases.iter().all(|case| case.broken.is_empty())
    }
}

struct InProgress<'a> {
    stage: &'a Stage,
    scene: Scene<'a>,
    fault_run: FaultRun,
    struck: BTreeSet<StepId>,
    /// Steps that were not hit.
    passed: BTreeSet<StepId>,
    /// No fault is injected until a run has succeeded.
    resting: bool,
    outcome: Outcome,
}

/// The result of one run.
enum Round {
    Struck,
    /// No step was left to hit.
    Whole(Run),
}

pub fn play(stage: &Stage, fault_run: FaultRun) -> Outcome {
    let outcome = Outcome {
        fault_run,
        cases: Vec::new(),
        broken: Vec::new(),
        failed_again: Vec::new(),
        confirmed: None,
        took: Duration::ZERO,
    };
    let start = Instant::now();
    let (struck, passed) = (BTreeSet::new(), BTreeSet::new());
    let mut load = None;
    let mut unexpected = attempt(|| load = Some(clients(stage, fault_run.playbook)));
    // After starting the clients: a stopped cluster accepts none.
    (fault_run.playbook.prepare)(stage);
    let scene = Scene::set(stage, fault_run.playbook, fault_run.fault, fault_run.when);
    let mut in_progress = InProgress { stage, scene, fault_run, struck, passed, resting: false, outcome };
    let rolls = fault_run.playbook.rolls && !fault_run.fault.takes_broker();
    let watch = rolls.then(|| Watch::start(&stage.lab, &BROKERS));
    unexpected.extend(attempt(|| in_progress.until_none_is_left()));
    unexpected.extend(load.map_or_else(Vec::new, |load| in_progress.close(load)));
    let InProgress { scene, mut outcome, .. } = in_progress;
    unexpected.extend(attempt(|| scene.clear()));
    outcome.broken.extend(unexpected);
    if let Some(seen) = watch.map(Watch::stop)
        && !seen.together.is_empty()
    {
        outcome.broken.push(format!("out of service at once were {:?}", seen.together));
    }
    outcome.took = start.elapsed();
    outcome
}

/// Publishers that count confirms, and consumers that count deliveries, from before the first injection until after the last run.
fn clients<'a>(stage: &'a Stage, playbook: &Playbook) -> Load<'a> {
    match playbook.from {
        State::Fresh => Load::before_any_cluster(stage, "fault-run"),
        // Nobody has the address yet.
        State::Converged | State::Reconfigured | State::Any if playbook.clients_at == SHARED => {
            Load::before_any_at(stage, "fault-run", SHARED)
        }
        State::Converged | State::Reconfigured | State::Any => Load::start(stage, "fault-run"),
    }
}

impl InProgress<'_> {
    /// Every confirmed message has arrived.
    fn close(&mut self, load: Load<'_>) -> Vec<String> {
        let mut confirmed = 0;
        let broken = attempt(|| {
            let what = self.fault_run.to_string();
            let tallies = load.close(&what);
            confirmed = tallies.iter().map(|tally| tally.confirmed).sum();
            tallies.iter().for_each(Tally::assert_none_lost);
        });
        self.outcome.confirmed = (confirmed > 0).then_some(confirmed);
        broken
    }

    fn until_none_is_left(&mut self) {
        let mut failures = 0;
        loop {
            match self.round() {
                Round::Struck => failures = 0,
                Round::Whole(run) if run.succeeded() && self.resting => self.resting = false,
                Round::Whole(run) if run.succeeded() => break,
                Round::Whole(run) => {
                    failures += 1;
                    self.told(&format!("a run that nothing struck failed:\n{run}"));
                    self.outcome.failed_again.push(format!("try {failures}: {}", last_words(&run)));
                    assert!(failures < TRIES, "the same command does not converge any more");
                }
            }
        }
        let mut broken = attempt(|| (self.fault_run.playbook.converged)(self.stage));
        broken.extend(invariants::nothing_left(self.stage, self.fault_run.playbook));
        if self.fault_run.playbook.keeps_data {
            broken.extend(data::missing(self.stage));
        }
        self.outcome.broken.extend(broken);
    }

    /// One run, hit if a step is left to hit, and the checks after it.
    fn round(&mut self) -> Round {
        let before = invariants::active(self.stage);
        let (run, struck) = self.run();
        let Some((step, mut broken)) = self.noted(struck) else { return Round::Whole(run) };
        let fault = self.fault_run.fault;
        if !fault.exits().contains(&run.code()) {
            broken.push(format!("the run ended with {:?}: {}", run.code(), last_words(&run)));
        }
        if run.err.contains("panicked") {
            broken.push(format!("it panicked: {}", run.err));
        }
        if self.fault_run.playbook.keeps_quorum {
            broken.extend(invariants::quorum(self.stage, &before, fault.takes_broker().then(|| step.host())));
        }
        broken.extend(fault.unnamed(&self.scene, step.host()));
        broken.extend(fault.heal(&self.scene, step.host()));
        broken.extend(invariants::whole_files(self.stage, self.fault_run.playbook));
        broken.extend(invariants::shared_address(self.stage, self.fault_run.playbook));
        if self.fault_run.playbook.keeps_data {
            // Before the first bring-up has ended, every node may have the cookie that its package created.
            broken.extend(invariants::cookies(self.stage, &before));
        }
        let told = if broken.is_empty() { "held".to_owned() } else { broken.join("; ") };
        self.told(&format!("{step}: exit {:?} after {:.1?}, {told}", run.code(), run.took));
        if broken.is_empty() && run.code() == Some(1) {
            // The message that an operator reads then matters as much as the state.
            self.told(&format!("it said: {}", last_words(&run)));
        }
        if !broken.is_empty() {
            self.told(&run.to_string());
        }
        self.struck.insert(step.clone());
        self.resting = fault.takes_broker() && self.fault_run.playbook.parts;
        self.outcome.cases.push(Case { step, broken });
        Round::Struck
    }

    /// The last step that a run was hit at, and what was wrong immediately. Earlier ones, after which the run continued, are
    /// cases of their own.
    fn noted(&mut self, mut struck: Vec<(StepId, Vec<String>)>) -> Option<(StepId, Vec<String>)> {
        let last = struck.pop()?;
        for (step, mut broken) in struck {
            if step.host() != last.0.host() {
                broken.extend(self.fault_run.fault.heal(&self.scene, step.host()));
            }
            self.struck.insert(step.clone());
            self.outcome.cases.push(Case { step, broken });
        }
        Some(last)
    }

    fn told(&self, text: &str) {
        say(&format!("{:8} {} {text}", self.stage.lab.suite().name(), self.fault_run));
    }

    /// Runs the command, again as long as the fault before keeps a host locked.
    fn run(&mut self) -> (Run, Vec<(StepId, Vec<String>)>) {
        let locked_until = Instant::now() + self.fault_run.fault.locked_for();
        loop {
            let (run, struck) = self.run_once();
            if struck.is_empty() && run.code() == Some(75) && Instant::now() < locked_until {
                continue;
            }
            return (run, struck);
        }
    }

    fn run_once(&mut self) -> (Run, Vec<(StepId, Vec<String>)>) {
        let words = (self.fault_run.playbook.words)(self.stage);
        let args = words.iter().map(String::as_str).chain(["--yes", "--json"]);
        let start = self.stage.rabbitup(&(self.fault_run.playbook.inventory)(self.stage)).args(args);
        self.scene.hold();
        let running = self.fault_run.fault.ready(self.stage, start).spawn().at_most(LONGEST);
        let mut struck = Vec::new();
        // The step in which the moment is waited for, and how it shows.
        let mut awaited: Option<(StepId, &'static str)> = None;
        loop {
            let line = match running.lines().recv_timeout(LOOK) {
                Ok(line) => moment::read(&line),
                Err(RecvTimeoutError::Timeout) if running.is_overdue() => break,
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if !struck.is_empty() && !self.fault_run.fault.lets_the_run_go_on() {
                continue;
            }
            if let Some((step, sign)) = line {
                if awaited.as_ref().is_some_and(|(waited, _)| *waited == step) && sign == Sign::Ends {
                    awaited = None;
                }
                let FaultRun { fault, when, .. } = self.fault_run;
                match (when, sign, step.shown(when, fault, self.stage.lab.suite().family())) {
                    (When::Begins, Sign::Begins, None)
                    | (When::Ends, Sign::Ends, None)
                    | (When::Middle, Sign::Output, None)
                        if self.is_due(&step) =>
                    {
                        struck.extend(self.strike(&running, step));
                    }
                    (_, Sign::Begins, Some(shown)) if awaited.is_none() && self.is_due(&step) => {
                        awaited = Some((step, shown));
                    }
                    (When::Middle, Sign::Begins, Some(_)) => self.scene.let_go(step.host(), step.what()),
                    _ => {}
                }
            } else if let Some((step, shown)) = &awaited
                && step.is_then(self.stage, shown)
            {
                struck.extend(self.strike(&running, step.clone()));
                if self.fault_run.fault.lets_the_run_go_on() {
                    self.scene.let_go(step.host(), step.what());
                } else {
                    self.scene.release();
                }
                awaited = None;
            }
        }
        let run = running.wait();
        self.scene.release();
        (run, struck)
    }

    /// Whether this step is to be hit. A step that is not hit now is never hit later.
    fn is_due(&mut self, step: &StepId) -> bool {
        let FaultRun { fault, most, every, first, only, .. } = self.fault_run;
        if self.resting
            || self.struck.contains(step)
            || self.passed.contains(step)
            || self.struck.len() >= most
            || !fault.concerns(step.host(), step.what())
            || only.is_some_and(|only| only != step.what())
        {
            return false;
        }
        let due = (self.struck.len() + self.passed.len()) % every == first % every;
        if !due {
            self.passed.insert(step.clone());
        }
        due
    }

    /// Injects the fault, if there is something to hit.
    fn strike(&mut self, running: &Running, step: StepId) -> Option<(StepId, Vec<String>)> {
        match self.fault_run.fault.strike(&self.scene, running, step.host()) {
            Struck::Nothing => None,
            Struck::Found(broken) => {
                // A run that continues produces other events of the same step.
                self.struck.insert(step.clone());
                Some((step, broken))
            }
        }
    }
}

/// The end of a run's output, on one line.
fn last_words(run: &Run) -> String {
    let lines: Vec<&str> = run.err.lines().chain(run.out.lines().rev().take(2)).collect();
    let text = lines.join(" / ");
    text.chars().take(600).collect()
}
