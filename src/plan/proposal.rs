use std::collections::BTreeSet;

use super::{Change, Step, StepId};
use crate::model::HostName;
use crate::operation::Operation;
use crate::playbook::Phase;

/// A step that a phase proposes.
pub struct Proposal {
    pub(super) step: Step,
    /// The phase that it counts as part of, if another one proposes it.
    pub(super) of: Option<Phase>,
}

impl Proposal {
    /// `what` and the host make the step's id: short, stable, the same for the same need.
    pub fn new(host: &HostName, what: &str, change: Change, operation: impl Into<Operation>) -> Self {
        let step = Step {
            id: StepId::new(host, what),
            host: host.clone(),
            phase: Phase::Preflight,
            change,
            title: String::new(),
            reason: String::new(),
            diff: None,
            after: Vec::new(),
            operation: operation.into(),
            timeout_s: 120,
        };
        Self { step, of: None }
    }

    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.step.title = title.into();
        self
    }

    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.step.reason = reason.into();
        self
    }

    pub fn diff(mut self, diff: Option<String>) -> Self {
        self.step.diff = diff;
        self
    }

    pub fn within(mut self, seconds: u64) -> Self {
        self.step.timeout_s = seconds;
        self
    }

    /// Steps of other hosts to wait for. Steps of the same host run in order anyway.
    pub fn after(mut self, steps: impl IntoIterator<Item = StepId>) -> Self {
        let host = format!("{}/", self.step.host);
        let others = steps.into_iter().filter(|id| !id.as_str().starts_with(&host));
        let unique: BTreeSet<StepId> = self.step.after.drain(..).chain(others).collect();
        self.step.after = unique.into_iter().collect();
        self
    }
}
