use std::collections::BTreeMap;

use crate::history::{PastPass, PastStep};
use crate::model::HostName;
use crate::plan::{Phase, Plan, StepId};

/// The data of a plan that displays need: steps by name, without file contents.
#[derive(Clone, Debug)]
pub(super) struct Titles {
    /// In the inventory's order, with the number of steps.
    pub hosts: Vec<(HostName, usize)>,
    steps: BTreeMap<StepId, Title>,
}

#[derive(Clone, Debug)]
pub(super) struct Title {
    pub host: HostName,
    /// None: of a journal that does not tell it.
    pub phase: Option<Phase>,
    pub title: String,
    pub after: Vec<StepId>,
    /// Its index in the plan.
    pub place: usize,
}

impl Titles {
    pub(super) fn of(plan: &Plan) -> Self {
        let of_host = |name: &HostName| plan.steps.iter().filter(|step| &step.host == name).count();
        let title = |(place, step): (usize, &crate::plan::Step)| {
            let (host, phase) = (step.host.clone(), Some(step.phase));
            (
                step.id.clone(),
                Title { host, phase, title: step.title.clone(), after: step.after.clone(), place },
            )
        };
        Self {
            hosts: plan.hosts.iter().map(|host| (host.name.clone(), of_host(&host.name))).collect(),
            steps: plan.steps.iter().enumerate().map(title).collect(),
        }
    }

    /// The same of a run of the past. A step whose host is not known has no title here.
    pub(super) fn of_past(pass: &PastPass) -> Self {
        let of_host =
            |name: &HostName| pass.steps.iter().filter(|step| step.host.as_ref() == Some(name)).count();
        let title = |(place, step): (usize, &PastStep)| {
            let host = step.host.clone()?;
            let (phase, title, after) = (step.phase, step.title.clone(), step.after.clone());
            Some((step.id.clone(), Title { host, phase, title, after, place }))
        };
        Self {
            hosts: pass.hosts.iter().map(|host| (host.clone(), of_host(host))).collect(),
            steps: pass.steps.iter().enumerate().filter_map(title).collect(),
        }
    }

    pub(super) fn get(&self, id: &StepId) -> Option<&Title> {
        self.steps.get(id)
    }

    /// The step's title, or its id if the plan does not have it.
    pub(super) fn title<'a>(&'a self, id: &'a StepId) -> &'a str {
        self.get(id).map_or(id.as_str(), |step| &step.title)
    }

    pub(super) fn phase(&self, id: &StepId) -> &'static str {
        self.get(id).and_then(|step| step.phase).map_or("", Phase::as_str)
    }

    /// `node1: start the broker`.
    pub(super) fn full(&self, id: &StepId) -> String {
        self.get(id).map_or_else(|| id.to_string(), |step| format!("{}: {}", step.host, step.title))
    }

    /// The steps of one host in the plan's order.
    pub(super) fn of_host<'a>(&'a self, host: &'a HostName) -> Vec<(&'a StepId, &'a Title)> {
        let mut steps: Vec<_> = self.steps.iter().filter(|(_, step)| &step.host == host).collect();
        steps.sort_by_key(|(_, step)| step.place);
        steps
    }

    /// The width of the longest phase name.
    pub(super) fn phase_width(&self) -> usize {
        self.steps.values().map(|step| step.phase.map_or(0, |phase| phase.as_str().len())).max().unwrap_or(0)
    }

    /// The width of the longest host name.
    pub(super) fn host_width(&self) -> usize {
        self.hosts.iter().map(|(name, _)| name.as_str().len()).max().unwrap_or(0)
    }
}
