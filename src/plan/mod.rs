//! The pure heart: desired state and facts in, an ordered graph of steps out. Nothing below this module knows
//! tokio, ssh, files or clocks; a test reads the sources to make sure.

mod destruction;
mod diff;
mod draft;
mod fingerprint;
mod obstacle;
mod options;
mod phase;
mod planner;
pub(crate) mod render;
mod request;
mod room;
mod saved;
mod step;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use destruction::Destruction;
pub(crate) use draft::{Draft, Proposal};
pub use fingerprint::fingerprint;
pub(crate) use fingerprint::{Moved, moved};
pub use options::{Limit, Moment, Options, Strangers};
pub(crate) use phase::unreachable;
pub use planner::{plan, project, secrets_to_read};
pub(crate) use request::planned_hosts;
pub use step::{Change, Step, StepId};

use crate::facts::ProbeRequest;
use crate::inventory::Ssh;
use crate::model::{DigestKey, HostName, Problem, SecretName, SecretSource};
pub use crate::playbook::Phase;

/// The version of the plan's JSON form. Additions raise nothing; what a reader must know raises it.
pub const FORMAT_VERSION: u32 = 1;

/// The ordered graph of steps: the only thing that apply can execute.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    pub format_version: u32,
    /// The playbook that it was made from.
    pub playbook: String,
    /// What the cluster is called, in the inventory or else by itself: who confirms what destroys types it. None where it
    /// has no name yet.
    #[serde(default)]
    pub cluster: Option<String>,
    /// Every host of the inventory in its order, also those without steps: who they are and how to reach them.
    pub hosts: Vec<PlannedHost>,
    /// In an order in which they could run one by one.
    pub steps: Vec<Step>,
    /// What the operator should know and what changes nothing.
    pub notes: Vec<Note>,
    /// Where apply finds the secrets that steps name.
    pub secrets: BTreeMap<SecretName, SecretSource>,
    /// Makes the short digests in the plan comparable with each other and with nothing else.
    pub digest_key: DigestKey,
    /// What the plan rests on, by host, as `path` → value. Apply gathers again and compares.
    pub fingerprint: BTreeMap<HostName, BTreeMap<String, String>>,
}

/// How to reach a host and what to look at there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedHost {
    pub name: HostName,
    pub ssh: Ssh,
    pub probe: ProbeRequest,
}

/// Something worth knowing that no step follows from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub host: Option<HostName>,
    pub text: String,
}

/// Why nothing may be planned: every reason at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} problem(s) to solve before a plan is possible", .0.len())]
pub struct PlanError(pub Vec<Refusal>);

/// One reason not to go on, for the reader at 3 a.m.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub phase: Phase,
    pub problem: Problem,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| &step.id == id)
    }

    /// How many steps there are of each kind, in the order of the last line of a plan.
    pub fn counts(&self) -> BTreeMap<Change, usize> {
        let mut counts = BTreeMap::new();
        for step in &self.steps {
            *counts.entry(step.change).or_default() += 1;
        }
        counts
    }
}
