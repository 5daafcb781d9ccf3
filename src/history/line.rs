//! What stands on the lines of a journal: the head, then the run's events, each with its time (docs/json.md).

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::cluster_seen::ClusterSeen;
use super::moment::Moment;
use crate::apply::{Event, RunId, RunMark};
use crate::cluster::Severity;
use crate::model::HostName;
use crate::plan::{Change, Note, Phase, Plan, Step, StepId};

/// The version of the journal's form. A reader takes fields that it does not know for new ones.
pub(super) const FORMAT_VERSION: u32 = 1;

/// The first line: who ran what, and the plan of the first pass.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub format_version: u32,
    /// When the command began.
    pub at: Moment,
    /// What the operator ran, without anything secret.
    pub command: String,
    pub playbook: String,
    #[serde(flatten)]
    pub pass: PassHead,
    /// `USER@MACHINE`. It and what follows is not in journals of older versions.
    #[serde(default)]
    pub operator: Option<String>,
    /// The inventory's path; none if a saved plan was applied.
    #[serde(default)]
    pub inventory: Option<String>,
    /// The cluster's name, if it has one.
    #[serde(default)]
    pub cluster: Option<String>,
    /// The version of rabbitup.
    #[serde(default)]
    pub rabbitup: Option<String>,
    /// Whether the journal is locked (flock(2)) as long as its run lives.
    #[serde(default)]
    pub locked: bool,
}

/// What is known of a pass when it begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PassHead {
    /// The run's name in the hosts' journals (docs/trail.md). None if it locked no host. A run that ended before its first step has
    /// a name as well, which no host knows.
    pub run: Option<String>,
    /// The plan's digest in the hosts' journals; none if there was no plan.
    pub plan: Option<String>,
    /// All hosts of the inventory, in its order.
    pub hosts: Vec<HostName>,
    pub steps: Vec<HeadStep>,
    /// What the plan said besides its steps. Neither this nor the next is in journals of older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<HeadNote>,
    /// The cluster before it, as it was seen when the plan was made.
    #[serde(default, deserialize_with = "if_known", skip_serializing_if = "Option::is_none")]
    pub seen: Option<ClusterSeen>,
}

/// A remark of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadNote {
    /// None: the whole cluster.
    #[serde(default, deserialize_with = "if_known")]
    pub host: Option<HostName>,
    pub text: String,
}

/// A step as planned. Of words that another version may not know, none is needed to read the rest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct HeadStep {
    pub id: StepId,
    pub title: String,
    #[serde(default, deserialize_with = "if_known")]
    pub host: Option<HostName>,
    #[serde(default, deserialize_with = "if_known")]
    pub phase: Option<Phase>,
    #[serde(default, deserialize_with = "if_known")]
    pub change: Option<Change>,
    /// Steps of other hosts that it waits for.
    #[serde(default)]
    pub after: Vec<StepId>,
    /// Why it was needed. Neither this nor the next is in journals of older versions.
    #[serde(default)]
    pub reason: String,
    /// The change of a file as a unified diff, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

/// A value of which this version may not know all words.
fn if_known<'de, D: Deserializer<'de>, T: DeserializeOwned>(reader: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(serde_json::Value::deserialize(reader)?).ok())
}

impl PassHead {
    pub(super) fn of(plan: &Plan, mark: &RunMark) -> Self {
        Self { run: mark.run.as_ref().map(|run| run.as_str().to_owned()), ..Self::planned(plan, &mark.plan) }
    }

    /// A plan that was shown and of which nothing was done.
    pub(super) fn planned(plan: &Plan, digest: &str) -> Self {
        Self {
            run: Some(RunId::random().as_str().to_owned()),
            plan: Some(digest.to_owned()),
            hosts: plan.hosts.iter().map(|host| host.name.clone()).collect(),
            steps: plan.steps.iter().map(HeadStep::from).collect(),
            notes: plan.notes.iter().map(HeadNote::from).collect(),
            seen: None,
        }
    }

    /// No plan was made for these hosts.
    pub(super) fn unplanned(hosts: Vec<HostName>) -> Self {
        let run = Some(RunId::random().as_str().to_owned());
        Self { run, plan: None, hosts, steps: Vec::new(), notes: Vec::new(), seen: None }
    }
}

impl From<&Step> for HeadStep {
    fn from(step: &Step) -> Self {
        Self {
            id: step.id.clone(),
            title: step.title.clone(),
            host: Some(step.host.clone()),
            phase: Some(step.phase),
            change: Some(step.change),
            after: step.after.clone(),
            reason: step.reason.clone(),
            diff: step.diff.clone(),
        }
    }
}

impl From<&Note> for HeadNote {
    fn from(note: &Note) -> Self {
        Self { host: note.host.clone(), text: note.text.clone() }
    }
}

/// Every other line.
#[derive(Debug, Serialize)]
pub(super) struct Entry<'a, T> {
    pub at: Moment,
    #[serde(flatten)]
    pub event: &'a T,
}

/// What happens in a run besides the steps.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub(super) enum RunEvent {
    /// A further plan, with a name of its own on the hosts; the first one is in the head.
    PassStarted {
        pass: PassKind,
        #[serde(flatten)]
        head: PassHead,
    },
    /// What `doctor` found after a step that brings nodes together failed.
    Diagnosed(Diagnosed),
    Verified(Verified),
    /// The cluster after the steps.
    ClusterSeen(ClusterSeen),
    /// The last line.
    RunEnded(RunEnded),
}

/// Why a plan was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassKind {
    /// What the command asks for.
    First,
    /// What could be seen only after the first.
    Again,
    /// What completes or reverts a run that failed half-way.
    Recovery,
}

/// Why nodes did not come together, as far as `doctor` saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosed {
    /// Root causes first.
    pub findings: Vec<DiagnosedFinding>,
}

/// One problem that `doctor` found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagnosedFinding {
    /// Its id, as in docs/doctor.md.
    pub cause: String,
    /// None: the whole cluster.
    pub host: Option<HostName>,
    /// The other host involved.
    pub peer: Option<HostName>,
    pub what: String,
    /// The evidence, line by line.
    pub why: String,
    pub advice: String,
    /// Whether it follows from an earlier one.
    pub consequence: bool,
}

/// What was found after all steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    pub healthy: bool,
    pub findings: Vec<VerifiedFinding>,
}

/// Something that was not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedFinding {
    pub severity: Severity,
    pub host: Option<HostName>,
    pub what: String,
    pub advice: String,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnded {
    pub result: RunResult,
    pub exit_code: u8,
    /// Of the error, if one ended it: its code (docs/json.md) and what it says.
    pub code: Option<String>,
    pub message: Option<String>,
    /// The refusals, or the hosts that did not answer.
    #[serde(default)]
    pub problems: Vec<RunProblem>,
}

/// One reason why a run ended early.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunProblem {
    pub code: String,
    pub host: Option<HostName>,
    pub what: String,
    pub why: String,
    pub advice: String,
}

/// What became of a run, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    /// Every step succeeded, and the verification found no error.
    Done,
    /// The hosts match the inventory, and no error was found.
    NoChanges,
    /// A step failed, or something else went wrong.
    Failed,
    /// Nothing is left to change, and the cluster has errors.
    Unhealthy,
    /// By Ctrl-C or a signal.
    Interrupted,
    /// Another run took over a host.
    TakenOver,
    /// No plan was made.
    Refused,
    /// A host that is needed did not answer.
    Unreachable,
    /// Another run was in progress.
    Locked,
    /// The operator did not confirm the plan, or it destroys more than the confirmed one.
    Unconfirmed,
    /// The hosts have changed since the saved plan was made.
    Stale,
}

/// What a line says.
#[derive(Clone, Debug)]
pub(super) enum Happened {
    Step(Event),
    Run(RunEvent),
}
