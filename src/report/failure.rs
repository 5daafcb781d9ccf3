//! One failure as a block: what failed, the checked cause, what to do, and which steps were not done because of it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::apply::{Event, FailureKind, StepFailure};
use crate::model::{HostName, one_line};
use crate::plan::{Plan, StepId};

use super::style::{Ink, Style};
use super::titles::Titles;
use super::words::{Wrapped, duration};
use crate::cluster::phrases::{counted, grouped};

/// How many lines of a failed step's output are shown.
const OUTPUT: usize = 20;
/// For how many hosts each skipped step is named.
const NAMED: usize = 6;

/// A failed step, with the steps that were not done because of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Failed {
    pub step: StepId,
    pub host: HostName,
    pub elapsed: Duration,
    pub failure: StepFailure,
    pub not_done: Vec<StepId>,
}

/// A failure for people.
pub fn failure_text(failed: &Failed, plan: &Plan, style: Style) -> String {
    block(failed, &Titles::of(plan), style)
}

pub(super) fn block(failed: &Failed, titles: &Titles, style: Style) -> String {
    let StepFailure { kind, code, cause, output } = &failed.failure;
    let head =
        format!("{}: {} {}", failed.host, titles.title(&failed.step), ending(*kind, *code, failed.elapsed));
    let mut text = Wrapped::new(0, (Ink::Bad, "✘ "), (Ink::Heading, &head)).text(style);
    let mut line = |label: &str, words: &str| {
        text.push_str(&Wrapped::new(2, (Ink::Dimmed, label), (Ink::Plain, words)).text(style));
    };
    line("why:  ", cause.why_text().as_deref().unwrap_or_else(|| unknown_cause(*kind, output)));
    line("next: ", cause.advice_text().as_deref().unwrap_or_else(|| usual_advice(*kind)));
    if !output.is_empty() {
        text.push_str(&format!("  {}\n", style.paint(Ink::Dimmed, "its last output:")));
        // Neither truncated nor wrapped: people paste this into searches.
        for line in output.iter().skip(output.len().saturating_sub(OUTPUT)) {
            let printed = one_line(line);
            text.push_str(format!("  {} {}", style.paint(Ink::Dimmed, "│"), printed.trim_end()).trim_end());
            text.push('\n');
        }
    }
    text.push_str(&not_done(&failed.not_done, titles, style));
    text
}

pub(super) fn ending(kind: FailureKind, code: Option<i32>, elapsed: Duration) -> String {
    let time = duration(elapsed);
    match (kind, code) {
        (FailureKind::Command, Some(code)) => format!("failed after {time}, exit code {code}"),
        (FailureKind::Command, None) => format!("failed after {time}"),
        (FailureKind::TimedOut, _) => format!("timed out after {time} and was killed"),
        (FailureKind::GivenUp, _) => format!("timed out after {time}"),
        (FailureKind::ConnectionLost, _) => format!("lost its connection after {time}"),
        (FailureKind::TakenOver, _) => "was not started: another run has this host".to_owned(),
        (FailureKind::LockLost, _) => "was not started: the lock on its host is lost".to_owned(),
        (FailureKind::SecretMissing, _) => "was not run: a secret that it needs is missing".to_owned(),
    }
}

pub(super) fn unknown_cause(kind: FailureKind, output: &[String]) -> &'static str {
    match (kind, output.is_empty()) {
        (FailureKind::ConnectionLost, _) => "it is unknown whether the step completed on the host",
        (FailureKind::TimedOut, _) => {
            "the cause is unknown; it may have waited for something that never happened"
        }
        (FailureKind::GivenUp, _) => "the step may still be running",
        (FailureKind::LockLost, _) => "the host has freed this run's lock",
        (FailureKind::TakenOver, _) => "another run took over this host while this one was paused",
        (FailureKind::SecretMissing, _) => "its source in the inventory returned nothing",
        (FailureKind::Command, true) => "the cause is unknown: the step printed nothing",
        (FailureKind::Command, false) => "the cause is unknown; see the output of the step",
    }
}

pub(super) fn usual_advice(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::TakenOver => "wait until that run ends, then run the same command again",
        FailureKind::Command | FailureKind::TimedOut | FailureKind::GivenUp => {
            "fix the cause, then run the same command again; it continues from the current state"
        }
        FailureKind::ConnectionLost | FailureKind::LockLost => {
            "check that the host is up, then run the same command again; it rechecks the hosts first"
        }
        FailureKind::SecretMissing => {
            "check the secret's file, command or variable, then run the same command again"
        }
    }
}

fn not_done(steps: &[StepId], titles: &Titles, style: Style) -> String {
    if steps.is_empty() {
        return String::new();
    }
    let known = steps.iter().filter_map(|id| titles.get(id));
    let hosts = grouped(known.map(|step| (&step.host, step.title.as_str())));
    let mut text = format!("  {}\n", style.paint(Ink::Dimmed, "not done because of it:"));
    for (host, of_host) in hosts.iter().take(NAMED) {
        let words = of_host.join("; ");
        text.push_str(&Wrapped::new(4, (Ink::Plain, &format!("{host}: ")), (Ink::Plain, &words)).text(style));
    }
    if hosts.len() > NAMED {
        let rest: usize = hosts.iter().skip(NAMED).map(|(_, of_host)| of_host.len()).sum();
        let hosts = counted(hosts.len() - NAMED, "more host");
        text.push_str(&format!("    … and {} on {hosts}\n", counted(rest, "step")));
    }
    text
}

/// Collects failures with the steps they block. Blocked steps are reported right after the failure, so a failure is complete at
/// the next other event.
#[derive(Debug, Default)]
pub(super) struct Failures {
    open: Vec<Failed>,
    /// For each blocked step, the failed step that caused it.
    roots: BTreeMap<StepId, StepId>,
}

impl Failures {
    /// Processes an event and returns the failures that are complete.
    pub(super) fn event(&mut self, event: &Event) -> Vec<Failed> {
        match event {
            Event::StepBlocked { step, because_of, .. } => {
                let root = self.roots.get(because_of).unwrap_or(because_of).clone();
                if let Some(failed) = self.open.iter_mut().find(|failed| failed.step == root) {
                    failed.not_done.push(step.clone());
                }
                self.roots.insert(step.clone(), root);
                Vec::new()
            }
            Event::StepFailed { step, host, elapsed, failure } => {
                let complete = self.take();
                let (step, host, failure) = (step.clone(), host.clone(), failure.clone());
                self.open.push(Failed { step, host, elapsed: *elapsed, failure, not_done: Vec::new() });
                complete
            }
            _ => self.take(),
        }
    }

    pub(super) fn take(&mut self) -> Vec<Failed> {
        std::mem::take(&mut self.open)
    }
}
