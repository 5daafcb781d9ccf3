use crate::cluster::phrases::counted;
use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use super::Display;
use super::board::{Board, Current};
use super::clock::{Clock, time_of_day};
use crate::apply::Event;
use crate::model::{HostName, one_line};
use crate::plan::{Plan, StepId};
use crate::report::failure::{Failed, Failures, block};
use crate::report::style::Style;
use crate::report::words::{duration, span};

/// A step that ends sooner has one line; one that runs longer is announced first.
const ANNOUNCE: Duration = Duration::from_secs(2);
/// Between two signs of life while a step prints.
const LIFE: Duration = Duration::from_secs(10);
/// Between two signs of life while it prints nothing.
const SILENT_LIFE: Duration = Duration::from_secs(60);

/// Timestamped lines without escape codes, for pipes and logs.
pub struct PlainLines<W> {
    out: W,
    clock: Clock,
    style: Style,
    board: Board,
    failures: Failures,
    /// For each host whose running step was announced: which one, and the last sign of life.
    said: BTreeMap<HostName, (StepId, Duration)>,
    times: Times,
}

/// Who tells the time of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    Here,
    Elsewhere,
}

impl<W: Write> PlainLines<W> {
    pub fn new(plan: &Plan, out: W, clock: Clock, style: Style) -> Self {
        let (board, failures) = (Board::new(plan), Failures::default());
        Self { out, clock, style, board, failures, said: BTreeMap::new(), times: Times::Here }
    }

    /// For an output that puts the time before each line.
    #[must_use]
    pub(crate) fn timed_elsewhere(self) -> Self {
        Self { times: Times::Elsewhere, ..self }
    }

    fn line(&mut self, host: &str, words: &str) {
        let width = self.board.titles.host_width();
        let time = match self.times {
            Times::Here => format!("{}  ", time_of_day(self.clock.now())),
            Times::Elsewhere => String::new(),
        };
        self.write(&format!("{time}{host:<width$}  {words}\n"));
    }

    fn write(&mut self, text: &str) {
        // A reader that went away must not stop a run half-way.
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }

    fn show(&mut self, failures: Vec<Failed>) {
        for failed in failures {
            let text = block(&failed, &self.board.titles, self.style);
            self.write(&format!("\n{text}\n"));
        }
    }

    /// One line for a running step, when it is time for one.
    fn sign_of_life(&mut self, host: &HostName, current: &Current, now: Duration) {
        let running = now.saturating_sub(current.since);
        let title = one_line(self.board.titles.title(&current.step));
        let last = self.said.get(host).filter(|(step, _)| step == &current.step).map(|(_, when)| *when);
        let words = match last {
            None if running < ANNOUNCE => return,
            None => format!("{title} …"),
            Some(last) => {
                let fresh =
                    current.line.as_ref().filter(|(_, when)| *when > last).map(|(line, _)| line.as_str());
                let begun =
                    current.activity.filter(|(_, since)| *since > last).map(|(activity, _)| activity.words());
                let fresh = fresh.or(begun);
                let silence = now.saturating_sub(last);
                match fresh {
                    Some(line) if silence >= LIFE => {
                        format!("  {}: {}", span(running.as_secs()), one_line(line))
                    }
                    None if silence >= SILENT_LIFE => format!("  {}: still running", span(running.as_secs())),
                    _ => return,
                }
            }
        };
        self.said.insert(host.clone(), (current.step.clone(), now));
        self.line(host.as_str(), &words);
    }
}

impl<W: Write> Display for PlainLines<W> {
    fn event(&mut self, event: &Event) {
        let complete = self.failures.event(event);
        self.show(complete);
        self.board.event(event, self.clock.now());
        let title = |step: &StepId| one_line(self.board.titles.title(step));
        let running = |steps: &[StepId]| {
            steps.iter().map(|step| one_line(&self.board.titles.full(step))).collect::<Vec<_>>().join("; ")
        };
        let (host, words) = match event {
            Event::ApplyStarted { steps, hosts } => {
                let on = counted(hosts.len(), "host");
                ("", format!("{} on {on} (times are UTC)", counted(*steps, "step")))
            }
            Event::Locked => ("", "all hosts are locked for this run".to_owned()),
            Event::StepSucceeded { step, host, elapsed } => {
                (host.as_str(), format!("{} … ok ({})", title(step), duration(*elapsed)))
            }
            Event::StepFailed { step, host, elapsed, .. } => {
                (host.as_str(), format!("{} … FAILED ({})", title(step), duration(*elapsed)))
            }
            Event::Interrupted { running: steps } if steps.is_empty() => ("", "interrupted".to_owned()),
            Event::Interrupted { running: steps } => {
                ("", format!("interrupted: nothing new starts; waiting for {}", running(steps)))
            }
            Event::LockLost { host, running: steps } => {
                let words =
                    "the lock is lost, so somebody else may be at work here: nothing new starts".to_owned();
                let waits = if steps.is_empty() {
                    String::new()
                } else {
                    format!("; waiting for {}", running(steps))
                };
                (host.as_str(), words + &waits)
            }
            Event::Abandoned { running: steps } => {
                ("", format!("abandoned; may still run on their hosts: {}", running(steps)))
            }
            Event::StepStarted { .. }
            | Event::StepOutput { .. }
            | Event::StepTold { .. }
            | Event::StepDoing { .. }
            | Event::StepBlocked { .. }
            | Event::StepSkipped { .. }
            | Event::ApplyEnded { .. } => return,
        };
        self.line(host, &words);
    }

    fn tick(&mut self) {
        let complete = self.failures.take();
        self.show(complete);
        let now = self.clock.now();
        let running: Vec<(HostName, Current)> = self
            .board
            .hosts
            .iter()
            .filter_map(|row| row.current.clone().map(|current| (row.host.clone(), current)))
            .collect();
        for (host, current) in running {
            self.sign_of_life(&host, &current, now);
        }
    }

    fn finish(&mut self) {
        let complete = self.failures.take();
        self.show(complete);
    }
}
