use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::apply::{Event, FailureKind, Outcome, StepFailure, Tally};
use crate::model::{Advice, HostName, printable};
use crate::plan::{Plan, StepId};

use super::failure::unknown_cause;
use super::style::{Detail, Ink, Style};
use super::titles::Titles;
use super::words::{Wrapped, duration};
use crate::cluster::phrases::{counted, grouped};

/// From this many hosts on, those where all went well share a line.
const FOLD: usize = 12;

/// What became of a run, gathered from its events.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    ended: Option<(Outcome, Duration, BTreeMap<HostName, Tally>)>,
    failed: Vec<(StepId, StepFailure)>,
    started: BTreeSet<StepId>,
    abandoned: Abandoned,
    unlocked: Vec<HostName>,
    /// What steps said that the operator must know, with the host of each.
    told: Vec<(HostName, Advice)>,
    taken_over: Vec<HostName>,
}

/// What the second Ctrl-C left on the hosts, whose ends nobody knows.
#[derive(Clone, Debug, Default)]
struct Abandoned {
    /// These were under way.
    running: Vec<StepId>,
    /// The host has these as well, and may not have heard yet that they are not to start.
    handed_over: Vec<StepId>,
}

/// The commands that a run's end points to.
#[derive(Clone, Debug)]
pub struct Next {
    /// Shows the cluster.
    pub status: String,
    /// The command of this very run.
    pub again: String,
}

impl Summary {
    /// Takes in what happened.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::StepStarted { step, .. } => {
                self.started.insert(step.clone());
            }
            Event::StepFailed { step, host, failure, .. } => {
                self.failed.push((step.clone(), failure.clone()));
                if failure.kind == FailureKind::TakenOver {
                    self.taken_over.push(host.clone());
                }
            }
            Event::StepTold { host, text, .. } => self.told.push((host.clone(), Advice::of_line(text))),
            Event::LockLost { host, .. } => self.unlocked.push(host.clone()),
            Event::Abandoned { running: left } => {
                let (running, handed_over) =
                    left.iter().cloned().partition(|step| self.started.contains(step));
                self.abandoned = Abandoned { running, handed_over };
            }
            Event::ApplyEnded { outcome, elapsed, hosts } => {
                self.ended = Some((*outcome, *elapsed, hosts.clone()));
            }
            Event::ApplyStarted { .. }
            | Event::Locked
            | Event::StepOutput { .. }
            | Event::StepSucceeded { .. }
            | Event::StepBlocked { .. }
            | Event::StepSkipped { .. }
            | Event::StepDoing { .. }
            | Event::Interrupted { .. } => {}
        }
    }

    /// The steps that failed, in the order in which they did.
    pub fn failed(&self) -> impl Iterator<Item = &StepId> {
        self.failed.iter().map(|(step, _)| step)
    }

    /// Whether another run has taken over one of the hosts.
    pub fn was_taken_over(&self) -> bool {
        !self.taken_over.is_empty()
    }

    /// The end of a run for people: each host, what failed, the whole, and the next useful command.
    pub fn text(&self, plan: &Plan, next: &Next, style: Style) -> String {
        let Some((outcome, elapsed, tallies)) = &self.ended else {
            return format!("The run ended without a result.\nNext: {}\n", printable(&next.again));
        };
        let titles = Titles::of(plan);
        // First what matters: where the run broke, and why. The first failure may be the cause of the others.
        let mut text: String =
            self.failed.iter().map(|(step, failure)| reason_line(&titles, step, failure, style)).collect();
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&hosts(&titles, tallies, &self.abandoned, style));
        text.push('\n');
        let left = [
            ("may still be running: ", &self.abandoned.running),
            ("may still start: ", &self.abandoned.handed_over),
        ];
        for (label, steps) in left {
            let known = steps.iter().filter_map(|id| titles.get(id));
            for (host, of_host) in grouped(known.map(|step| (&step.host, step.title.as_str()))) {
                let words = format!("{host}: {}", of_host.join("; "));
                text.push_str(&Wrapped::new(0, (Ink::Warning, label), (Ink::Plain, &words)).text(style));
            }
        }
        for host in &self.unlocked {
            let words = format!("{host}: make sure that no other run of rabbitup is at work there");
            text.push_str(&Wrapped::new(0, (Ink::Warning, "lock lost: "), (Ink::Plain, &words)).text(style));
        }
        for (host, words) in &self.told {
            match words {
                // A command that breaks in two cannot be pasted.
                Advice::Command(_) | Advice::Rabbitup(_) => {
                    text.push_str(&format!("  {}\n", words.words("")));
                }
                Advice::Sentence(words) => {
                    let words = format!("{host}: {words}");
                    text.push_str(
                        &Wrapped::new(0, (Ink::Warning, "note: "), (Ink::Plain, &words)).text(style),
                    );
                }
            }
        }
        let whole = whole(*outcome, *elapsed, tallies, &self.abandoned);
        text.push_str(&Wrapped::new(0, (Ink::Plain, ""), (Ink::Heading, &whole)).text(style));
        text.push_str(&next.text(*outcome, style));
        text
    }
}

/// `failed: node2: start rabbitmq-server: port 5672 is in use`: the host, the step, and why in one line.
pub(super) fn reason_line(titles: &Titles, step: &StepId, failure: &StepFailure, style: Style) -> String {
    let words = reason(titles, step, failure);
    Wrapped::new(0, (Ink::Bad, "failed: "), (Ink::Heading, &words)).text(style)
}

/// `node2: start rabbit@node2: port 5672 is in use`: the step that failed, and why.
pub(super) fn reason(titles: &Titles, step: &StepId, failure: &StepFailure) -> String {
    let why = failure.cause.why.iter().map(|line| line.trim()).find(|line| !line.is_empty());
    let why = why.unwrap_or_else(|| unknown_cause(failure.kind, &failure.output));
    // Unless the cause says so itself.
    let goes_on = may_still_run(failure.kind) && !why.contains("may still be running");
    let goes_on = if goes_on { " (may still be running)" } else { "" };
    format!("{}{goes_on}: {why}", titles.full(step))
}

/// Whether a step went on as far as anybody knows.
fn may_still_run(kind: FailureKind) -> bool {
    match kind {
        FailureKind::GivenUp | FailureKind::ConnectionLost => true,
        FailureKind::Command
        | FailureKind::TimedOut
        | FailureKind::TakenOver
        | FailureKind::LockLost
        | FailureKind::SecretMissing => false,
    }
}

fn hosts(
    titles: &Titles,
    tallies: &BTreeMap<HostName, Tally>,
    abandoned: &Abandoned,
    style: Style,
) -> String {
    let tally = |host: &HostName| tallies.get(host).copied().unwrap_or_default();
    let all: Vec<(&HostName, Tally)> = titles.hosts.iter().map(|(host, _)| (host, tally(host))).collect();
    let left = |host: &HostName| abandoned.words(|id| titles.get(id).is_some_and(|step| step.host == *host));
    let (fine, other): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(host, t)| t.failed + t.blocked + t.skipped == 0 && left(host).is_empty());
    let width = titles.host_width();
    let mut text = String::new();
    if fine.len() > FOLD && style.detail == Detail::Folded {
        let done = fine.iter().map(|(_, tally)| tally.done).sum();
        let words = format!("{} ok, {}", counted(fine.len(), "host"), changed(done));
        text.push_str(&format!("{} {words}\n", style.paint(Ink::Good, "✔")));
    } else {
        for (host, tally) in fine {
            let words = if tally.done == 0 {
                "ok, nothing to do".to_owned()
            } else {
                format!("ok, {}", changed(tally.done))
            };
            text.push_str(&format!("{} {host:<width$}  {words}\n", style.paint(Ink::Good, "✔")));
        }
    }
    // Last, so that they stand next to the prompt.
    for (host, tally) in other {
        let mark =
            if tally.failed > 0 { style.paint(Ink::Bad, "✘") } else { style.paint(Ink::Warning, "!") };
        let words = [parts(tally), left(host)].concat();
        text.push_str(&format!("{mark} {host:<width$}  {}\n", words.join(", ")));
    }
    text
}

fn changed(steps: usize) -> String {
    format!("{} done", counted(steps, "step"))
}

fn parts(tally: Tally) -> Vec<String> {
    let mut parts = vec![changed(tally.done)];
    let others = [
        (tally.failed, "failed"),
        (tally.blocked, "not done because of a failure"),
        (tally.skipped, "not started"),
    ];
    parts.extend(others.iter().filter(|(n, _)| *n > 0).map(|(n, words)| format!("{n} {words}")));
    parts
}

fn whole(
    outcome: Outcome,
    elapsed: Duration,
    tallies: &BTreeMap<HostName, Tally>,
    abandoned: &Abandoned,
) -> String {
    let mut sum = Tally::default();
    for tally in tallies.values() {
        sum.done += tally.done;
        sum.failed += tally.failed;
        sum.blocked += tally.blocked;
        sum.skipped += tally.skipped;
    }
    let word = match outcome {
        Outcome::Done => "Done",
        Outcome::Failed => "Failed",
        Outcome::Interrupted => "Interrupted",
    };
    let words = [parts(sum), abandoned.words(|_| true)].concat();
    format!("{word} after {} on {}: {}", duration(elapsed), counted(tallies.len(), "host"), words.join(", "))
}

impl Abandoned {
    /// How many of the steps that are meant may still do something.
    fn words(&self, meant: impl Fn(&StepId) -> bool) -> Vec<String> {
        let counted = |steps: &[StepId], words: &str| {
            let n = steps.iter().filter(|step| meant(step)).count();
            (n > 0).then(|| format!("{n} {words}"))
        };
        [counted(&self.running, "may still be running"), counted(&self.handed_over, "may still start")]
            .into_iter()
            .flatten()
            .collect()
    }
}

impl Next {
    /// What to do, and below it the command, which is for copying and never broken over lines.
    fn text(&self, outcome: Outcome, style: Style) -> String {
        let (why, command) = match outcome {
            Outcome::Done => ("the cluster as every node sees it", &self.status),
            Outcome::Failed => ("fix what failed, then run this again: what is done stays done", &self.again),
            Outcome::Interrupted => ("run this again: it goes on from what is there", &self.again),
        };
        let why = Wrapped::new(0, (Ink::Dimmed, "Next: "), (Ink::Plain, why)).text(style);
        format!("{why}      $ {}\n", printable(command))
    }
}
