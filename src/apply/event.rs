use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Activity;
use crate::model::{Cause, HostName};
use crate::plan::StepId;

/// What happens while a plan is applied. Progress display, text, JSON lines and the journal read only
/// these. No event contains a secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// The steps in the plan's order; displays get the titles from the plan.
    ApplyStarted {
        steps: usize,
        hosts: Vec<HostName>,
    },
    /// All hosts are locked for this run.
    Locked,
    StepStarted {
        step: StepId,
        host: HostName,
    },
    /// A line that a running step printed.
    StepOutput {
        step: StepId,
        host: HostName,
        line: String,
    },
    /// What the operator must know from a step, whether or not it succeeds: where data was moved, how to restore it.
    StepTold {
        step: StepId,
        host: HostName,
        text: String,
    },
    /// What a running step does from now on.
    StepDoing {
        step: StepId,
        host: HostName,
        activity: Activity,
    },
    StepSucceeded {
        step: StepId,
        host: HostName,
        elapsed: Duration,
    },
    StepFailed {
        step: StepId,
        host: HostName,
        elapsed: Duration,
        failure: StepFailure,
    },
    /// Never started, because of `because_of`.
    StepBlocked {
        step: StepId,
        host: HostName,
        because_of: StepId,
    },
    /// Never started, because the run was interrupted.
    StepSkipped {
        step: StepId,
        host: HostName,
    },
    /// The first Ctrl-C: no further step starts.
    Interrupted {
        running: Vec<StepId>,
    },
    /// The lock on `host` is lost, so another run may be active there: no further step starts.
    LockLost {
        host: HostName,
        running: Vec<StepId>,
    },
    /// The second Ctrl-C: these may still run on their hosts.
    Abandoned {
        running: Vec<StepId>,
    },
    ApplyEnded {
        outcome: Outcome,
        elapsed: Duration,
        hosts: BTreeMap<HostName, Tally>,
    },
}

/// Why a step failed, for an operator at 3 a.m.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "StepFailureDocument", into = "StepFailureDocument")]
pub struct StepFailure {
    pub kind: FailureKind,
    /// The exit code of the step on its host, if it has one.
    pub code: Option<i32>,
    /// The cause that the step itself reported (in marked lines), and what to do, as far as the step or the kind of failure
    /// tells. What is wrong and where is known from the event that it is part of.
    pub cause: Cause,
    /// The last lines of its output, at most 20.
    pub output: Vec<String>,
}

/// A failure as it is written in events and journals.
#[derive(Serialize, Deserialize)]
struct StepFailureDocument {
    kind: FailureKind,
    code: Option<i32>,
    cause: Option<String>,
    advice: Option<String>,
    output: Vec<String>,
}

impl From<StepFailure> for StepFailureDocument {
    fn from(failure: StepFailure) -> Self {
        let StepFailure { kind, code, cause, output } = failure;
        Self { kind, code, cause: cause.why_text(), advice: cause.advice_text(), output }
    }
}

impl From<StepFailureDocument> for StepFailure {
    fn from(document: StepFailureDocument) -> Self {
        let StepFailureDocument { kind, code, cause, advice, output } = document;
        Self { kind, code, cause: Cause::known(cause, advice), output }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// A command of the step ended with an error.
    Command,
    /// A command of the step timed out and was killed on the host.
    TimedOut,
    /// The step timed out on the controller; it may still be running.
    GivenUp,
    /// The connection was lost; whether the step ended is unknown.
    ConnectionLost,
    /// Another run has taken over the host, so the step was not started.
    TakenOver,
    /// The host has freed this run's lock, so the step was not started.
    LockLost,
    /// A secret that the step needs is not available.
    SecretMissing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    Failed,
    Interrupted,
}

/// The outcome of one host's steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Tally {
    pub done: usize,
    pub failed: usize,
    /// Not done because of a failed step.
    pub blocked: usize,
    /// Not begun because the run was stopped.
    pub skipped: usize,
}
