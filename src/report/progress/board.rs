use std::collections::BTreeSet;
use std::time::Duration;

use crate::apply::{Activity, Event};
use crate::model::HostName;
use crate::plan::{Plan, StepId};
use crate::report::titles::Titles;

/// Where every host stands, folded from the events.
#[derive(Debug)]
pub(super) struct Board {
    pub titles: Titles,
    pub started: Option<Duration>,
    pub stopping: Stopping,
    /// Per host, in the inventory's order, only those with steps.
    pub hosts: Vec<HostRow>,
}

/// Whether somebody asked the run to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopping {
    No,
    AfterRunning,
}

/// Where one host stands.
#[derive(Clone, Debug)]
pub(super) struct HostRow {
    pub host: HostName,
    pub total: usize,
    pub done: usize,
    pub failed: Option<StepId>,
    /// Blocked or skipped: never to be started.
    pub dropped: usize,
    pub current: Option<Current>,
    pub ended: BTreeSet<StepId>,
    pub first_start: Option<Duration>,
    pub last_end: Option<Duration>,
}

/// The step that runs.
#[derive(Clone, Debug)]
pub(super) struct Current {
    pub step: StepId,
    pub since: Duration,
    /// What it says that it does, and since when.
    pub activity: Option<(Activity, Duration)>,
    /// The last line that it printed since then, and when.
    pub line: Option<(String, Duration)>,
}

impl Board {
    pub(super) fn new(plan: &Plan) -> Self {
        let titles = Titles::of(plan);
        let row = |(host, total): &(HostName, usize)| HostRow {
            host: host.clone(),
            total: *total,
            done: 0,
            failed: None,
            dropped: 0,
            current: None,
            ended: BTreeSet::new(),
            first_start: None,
            last_end: None,
        };
        let hosts = titles.hosts.iter().filter(|(_, total)| *total > 0).map(row).collect();
        Self { titles, started: None, stopping: Stopping::No, hosts }
    }

    pub(super) fn row(&self, host: &HostName) -> Option<&HostRow> {
        self.hosts.iter().find(|row| &row.host == host)
    }

    pub(super) fn event(&mut self, event: &Event, now: Duration) {
        match event {
            Event::ApplyStarted { .. } => self.started = Some(now),
            Event::Interrupted { .. } | Event::LockLost { .. } | Event::Abandoned { .. } => {
                self.stopping = Stopping::AfterRunning;
            }
            Event::StepStarted { step, host } => self.with(host, |row| {
                row.first_start.get_or_insert(now);
                row.current = Some(Current { step: step.clone(), since: now, activity: None, line: None });
            }),
            Event::StepOutput { step, host, line } => self.with(host, |row| {
                if let Some(current) = row.current.as_mut().filter(|current| &current.step == step) {
                    current.line = Some((line.clone(), now));
                }
            }),
            Event::StepDoing { step, host, activity } => self.with(host, |row| {
                if let Some(current) = row.current.as_mut().filter(|current| &current.step == step) {
                    // What was printed before belongs to something that is over.
                    (current.activity, current.line) = (Some((*activity, now)), None);
                }
            }),
            Event::StepSucceeded { step, host, .. } => self.with(host, |row| {
                row.end(step, now);
                row.done += 1;
            }),
            Event::StepFailed { step, host, .. } => self.with(host, |row| {
                row.end(step, now);
                row.failed = Some(step.clone());
            }),
            Event::StepBlocked { step, host, .. } | Event::StepSkipped { step, host } => {
                self.with(host, |row| {
                    row.end(step, now);
                    row.dropped += 1;
                })
            }
            Event::StepTold { .. } | Event::Locked | Event::ApplyEnded { .. } => {}
        }
    }

    fn with(&mut self, host: &HostName, change: impl FnOnce(&mut HostRow)) {
        if let Some(row) = self.hosts.iter_mut().find(|row| &row.host == host) {
            change(row);
        }
    }

    /// What the host's next step waits for on other hosts.
    pub(super) fn waits_for<'a>(&'a self, row: &'a HostRow) -> Vec<&'a StepId> {
        let next = self.titles.of_host(&row.host).into_iter().find(|(id, _)| !row.ended.contains(*id));
        let open = |id: &&StepId| {
            let other = self.titles.get(id).and_then(|step| self.row(&step.host));
            other.is_some_and(|other| !other.ended.contains(*id))
        };
        next.map(|(_, step)| step.after.iter().filter(open).collect()).unwrap_or_default()
    }

    pub(super) fn totals(&self) -> Totals {
        let sum = |of: fn(&HostRow) -> usize| self.hosts.iter().map(of).sum();
        Totals {
            steps: sum(|row| row.total),
            done: sum(|row| row.done),
            failed: self.hosts.iter().filter(|row| row.failed.is_some()).count(),
            dropped: sum(|row| row.dropped),
        }
    }
}

/// Steps of all hosts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Totals {
    pub steps: usize,
    pub done: usize,
    pub failed: usize,
    pub dropped: usize,
}

impl HostRow {
    fn end(&mut self, step: &StepId, now: Duration) {
        self.ended.insert(step.clone());
        self.last_end = Some(now);
        if self.current.as_ref().is_some_and(|current| &current.step == step) {
            self.current = None;
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.current.is_none() && self.ended.len() >= self.total
    }
}
