//! What a journal tells of its run, for everything that shows past runs: text, JSON, pages.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use super::cluster_seen::ClusterSeen;
use super::line::{Diagnosed, HeadNote, HeadStep, PassHead, PassKind, RunEnded, RunResult, Verified};
use super::moment::Moment;
use crate::apply::{Outcome, StepFailure, Tally};
use crate::model::HostName;
use crate::plan::{Change, Phase, StepId};

/// A run of the past, or one in progress. Nothing in it is guessed: what a journal does not tell is none. All texts are as the journal
/// has them; whoever shows them makes them printable.
#[derive(Clone, Debug, PartialEq)]
pub struct PastRun {
    pub began: Moment,
    /// The time of the last line.
    pub last: Moment,
    pub command: String,
    pub playbook: String,
    /// `USER@MACHINE`. Journals of older versions have neither this nor the next three.
    pub operator: Option<String>,
    /// None also if a saved plan was applied.
    pub inventory: Option<String>,
    /// None also if the cluster has no name.
    pub cluster: Option<String>,
    /// The version of rabbitup.
    pub rabbitup: Option<String>,
    /// In the order in which they began; at least one. A run that ended before its first step has the plan that was shown.
    pub passes: Vec<PastPass>,
    /// What was found after all steps; none if nobody looked.
    pub verified: Option<Verified>,
    /// The cluster after all steps; none if nobody looked.
    pub seen: Option<ClusterSeen>,
    pub end: End,
    /// The lines that could not be read: the first of them.
    pub unread: Vec<Unread>,
    /// How many there are.
    pub unread_lines: usize,
}

/// How a run ended, as far as its journal and its lock tell.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Ended(RunEnded),
    /// By an older version, which did not write what came of the verification.
    Applied(Outcome),
    /// It has no end, and its process lives.
    Running,
    /// It has no end, and its process does not live.
    Killed,
    /// It has no end, and nothing tells whether its process lives.
    Unknown,
}

/// What became of a run, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Became {
    Result(RunResult),
    NoEnd(NoEnd),
}

/// Why a run has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoEnd {
    /// Its process is at work.
    Running,
    /// Its process is gone.
    Killed,
    /// It ended, or not.
    Unknown,
}

/// Whether the process that writes a journal lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    Lives,
    Gone,
    Unknown,
}

/// One plan and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PastPass {
    pub kind: PassKind,
    /// The run's name in the hosts' journals; none if no host was locked.
    pub run: Option<String>,
    /// The plan's digest there; none if no plan was made.
    pub plan: Option<String>,
    /// All hosts of the inventory, in its order.
    pub hosts: Vec<HostName>,
    pub notes: Vec<HeadNote>,
    /// The cluster as the plan saw it; older journals do not tell.
    pub seen: Option<ClusterSeen>,
    /// In the plan's order. A host's steps run in this order; a step also waits for those in `after`.
    pub steps: Vec<PastStep>,
    /// When its steps began: all hosts were locked by then. None if none was ever to begin.
    pub began: Option<Moment>,
    pub ended: Option<(Moment, Outcome)>,
    /// What stopped it, in order.
    pub halts: Vec<(Moment, Halt)>,
    /// What `doctor` found on its hosts after it failed; none if it did not look.
    pub diagnosed: Option<Diagnosed>,
}

/// Why a pass starts nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    Interrupted,
    LockLost(HostName),
    Abandoned,
}

/// A step and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PastStep {
    pub id: StepId,
    pub host: Option<HostName>,
    pub phase: Option<Phase>,
    pub change: Option<Change>,
    pub title: String,
    /// Why it was needed; older journals do not tell.
    pub reason: String,
    /// The change of a file, as a unified diff.
    pub diff: Option<String>,
    /// Steps of other hosts that it waited for.
    pub after: Vec<StepId>,
    pub began: Option<Moment>,
    pub ended: Option<Moment>,
    pub state: StepState,
    /// What it told the operator.
    pub told: Vec<String>,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum StepState {
    Planned,
    /// Began, and its end is not known; with the last lines of its output.
    Began(VecDeque<String>),
    /// How long it took, by a clock that nobody sets.
    Succeeded(Duration),
    Failed(Duration, StepFailure),
    /// Because of a failed step.
    Blocked(StepId),
    /// Because the run was stopped.
    Skipped,
}

/// A line that is not understood, or does not fit what is before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// From 1.
    pub line: usize,
    pub why: String,
}

impl PastRun {
    /// What became of it.
    pub fn became(&self) -> Became {
        match &self.end {
            End::Ended(ended) => Became::Result(ended.result),
            End::Applied(outcome) => Became::Result(match outcome {
                Outcome::Done => RunResult::Done,
                Outcome::Failed => RunResult::Failed,
                Outcome::Interrupted => RunResult::Interrupted,
            }),
            End::Running => Became::NoEnd(NoEnd::Running),
            End::Killed => Became::NoEnd(NoEnd::Killed),
            End::Unknown => Became::NoEnd(NoEnd::Unknown),
        }
    }

    /// How long it lasted, or has lasted as far as the journal tells; none if its clock was set back.
    pub fn took(&self) -> Option<Duration> {
        self.last.since(self.began)
    }

    /// The names that hosts know it by.
    pub fn runs(&self) -> impl Iterator<Item = &str> {
        self.passes.iter().filter_map(|pass| pass.run.as_deref())
    }

    /// All hosts of the inventory.
    pub fn hosts(&self) -> &[HostName] {
        self.passes.first().map_or(&[], |pass| &pass.hosts)
    }

    /// The steps of all passes.
    pub fn steps(&self) -> impl Iterator<Item = &PastStep> {
        self.passes.iter().flat_map(|pass| &pass.steps)
    }

    /// The number of steps by what became of them.
    pub fn tally(&self) -> Tally {
        tally(self.steps())
    }
}

fn tally<'a>(steps: impl Iterator<Item = &'a PastStep>) -> Tally {
    let mut tally = Tally::default();
    for step in steps {
        match step.state {
            StepState::Succeeded(_) => tally.done += 1,
            StepState::Failed(..) => tally.failed += 1,
            StepState::Blocked(_) => tally.blocked += 1,
            StepState::Skipped => tally.skipped += 1,
            StepState::Planned | StepState::Began(_) => {}
        }
    }
    tally
}

impl PastPass {
    /// The number of steps by what became of them.
    pub fn tally(&self) -> Tally {
        tally(self.steps.iter())
    }

    pub(super) fn of(kind: PassKind, head: PassHead) -> Self {
        let PassHead { run, plan, hosts, steps, notes, seen } = head;
        let steps = steps.into_iter().map(PastStep::from).collect();
        Self {
            kind,
            run,
            plan,
            hosts,
            notes,
            seen,
            steps,
            began: None,
            ended: None,
            halts: Vec::new(),
            diagnosed: None,
        }
    }
}

impl From<HeadStep> for PastStep {
    fn from(step: HeadStep) -> Self {
        let HeadStep { id, title, host, phase, change, after, reason, diff } = step;
        // A step's id is its host and what it does there.
        let of_id = || HostName::parse(id.as_str().split_once('/')?.0).ok();
        let host = host.or_else(of_id);
        let (state, told) = (StepState::Planned, Vec::new());
        Self { id, host, phase, change, title, reason, diff, after, began: None, ended: None, state, told }
    }
}

impl PastStep {
    pub fn has_failed(&self) -> bool {
        matches!(self.state, StepState::Failed(..))
    }
}
