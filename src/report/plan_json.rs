//! A plan as JSON: what people see, versioned, without the data that only apply needs.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use crate::model::HostName;
use crate::plan::{Change, FORMAT_VERSION, Plan, Step};

/// A plan as `rabbitup plan --json` prints it. Fields may be added under the same version; a reader should refuse
/// a `format_version` that it does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlanDocument {
    pub format_version: u32,
    /// The playbook that the plan was made from.
    pub playbook: String,
    pub summary: PlanSummary,
    /// Every host of the inventory, in its order.
    pub hosts: Vec<PlanHost>,
    /// In an order in which they can run one by one.
    pub steps: Vec<PlanStep>,
    pub notes: Vec<PlanNote>,
}

/// The number of steps of each kind; all zero: nothing to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlanSummary {
    pub add: usize,
    pub change: usize,
    pub remove: usize,
    pub restart: usize,
    pub command: usize,
    /// Hosts with at least one step.
    pub hosts: usize,
}

/// A host of the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlanHost {
    pub name: HostName,
    /// Its number of steps.
    pub steps: usize,
}

/// One change on one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlanStep {
    /// Unique in the plan, and the same in every plan for the same purpose.
    pub id: String,
    pub host: HostName,
    pub phase: String,
    pub change: ChangeKind,
    /// What it does, in the imperative.
    pub title: String,
    /// Why it is needed.
    pub reason: String,
    /// Steps of other hosts that must have succeeded before this one starts. Steps of one host run in order.
    pub after: Vec<String>,
    /// The change of a file, as a unified diff. Never contains a secret.
    pub diff: Option<String>,
}

/// The kind of change that a step makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Add,
    Change,
    Remove,
    Restart,
    Command,
}

/// A remark without a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlanNote {
    pub host: Option<HostName>,
    pub text: String,
}

/// The JSON schema of [`PlanDocument`], for `rabbitup schema plan`.
pub fn plan_schema() -> Schema {
    schema_for!(PlanDocument)
}

impl From<&Plan> for PlanDocument {
    fn from(plan: &Plan) -> Self {
        let mut steps_of: BTreeMap<&HostName, usize> = BTreeMap::new();
        for step in &plan.steps {
            *steps_of.entry(&step.host).or_default() += 1;
        }
        let count = |change| plan.counts().get(&change).copied().unwrap_or(0);
        let host = |name: &HostName| PlanHost {
            name: name.clone(),
            steps: steps_of.get(name).copied().unwrap_or(0),
        };
        Self {
            format_version: FORMAT_VERSION,
            playbook: plan.playbook.clone(),
            summary: PlanSummary {
                add: count(Change::Add),
                change: count(Change::Change),
                remove: count(Change::Remove),
                restart: count(Change::Restart),
                command: count(Change::Command),
                hosts: steps_of.len(),
            },
            hosts: plan.hosts.iter().map(|planned| host(&planned.name)).collect(),
            steps: plan.steps.iter().map(PlanStep::from).collect(),
            notes: plan
                .notes
                .iter()
                .map(|note| PlanNote { host: note.host.clone(), text: note.text.clone() })
                .collect(),
        }
    }
}

impl From<&Step> for PlanStep {
    fn from(step: &Step) -> Self {
        Self {
            id: step.id.to_string(),
            host: step.host.clone(),
            phase: step.phase.to_string(),
            change: step.change.into(),
            title: step.title.clone(),
            reason: step.reason.clone(),
            after: step.after.iter().map(ToString::to_string).collect(),
            diff: step.diff.clone(),
        }
    }
}

impl From<Change> for ChangeKind {
    fn from(change: Change) -> Self {
        match change {
            Change::Add => Self::Add,
            Change::Change => Self::Change,
            Change::Remove => Self::Remove,
            Change::Restart => Self::Restart,
            Change::Command => Self::Command,
        }
    }
}
