//! The pure core: desired state and facts in, an ordered graph of steps out. Nothing below this module knows
//! tokio, ssh, files or clocks; a test reads the sources to make sure.

mod destruction;
mod diff;
mod draft;
mod fingerprint;
mod left_out;
mod obstacle;
mod openings;
mod options;
mod phase;
mod planner;
mod proposal;
mod refusal;
pub(crate) mod render;
mod request;
mod room;
mod saved;
mod step;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use destruction::Destruction;
pub(crate) use draft::Draft;
pub use fingerprint::fingerprint;
pub(crate) use fingerprint::{Moved, moved};
pub use options::{Limit, Options, Pass, UnknownMembers};
pub use phase::live::{Difference, LiveFile};
pub(crate) use phase::unreachable;
pub use planner::{live, plan, project, secrets_to_read};
pub(crate) use proposal::Proposal;
use refusal::Reason;
pub use refusal::{PlanError, Refusal, RefusalKind};
pub(crate) use request::planned_hosts;
pub(crate) use saved::is_saved_plan;
pub use step::{Change, Step, StepId};

use crate::facts::ProbeRequest;
use crate::inventory::Ssh;
use crate::model::{DigestKey, HostName, SecretName, SecretSource};
pub use crate::playbook::Phase;

/// The version of the plan's JSON form. Additions do not raise it; changes that a reader must know do.
pub const FORMAT_VERSION: u32 = 1;

/// The ordered graph of steps: the only thing that apply executes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    pub format_version: u32,
    /// The playbook that it was made from.
    pub playbook: String,
    /// The cluster's name, from the inventory or else from the cluster. The operator types it to confirm destruction. None if it
    /// has no name yet.
    #[serde(default)]
    pub cluster: Option<String>,
    /// Every host of the inventory in its order, with and without steps: its name and how to reach it.
    pub hosts: Vec<PlannedHost>,
    /// In an order in which they can run one by one.
    pub steps: Vec<Step>,
    /// What the operator should know; it changes nothing.
    pub notes: Vec<Note>,
    /// The sources of the secrets that steps name.
    pub secrets: BTreeMap<SecretName, SecretSource>,
    /// The key of the short digests in the plan: they can be compared only with each other.
    pub digest_key: DigestKey,
    /// The facts that the plan depends on, by host, as `path` → value. Apply probes again and compares.
    pub fingerprint: BTreeMap<HostName, BTreeMap<String, String>>,
}

/// How to reach a host and what to probe there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedHost {
    pub name: HostName,
    pub ssh: Ssh,
    pub probe: ProbeRequest,
}

/// Something worth knowing that leads to no step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub host: Option<HostName>,
    pub text: String,
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
        Change::tally(self.steps.iter().map(|step| step.change))
    }
}
