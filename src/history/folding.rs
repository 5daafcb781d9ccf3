//! Makes a past run of the lines of its journal, one after the other.

use std::collections::{HashMap, VecDeque};

use super::line::{Happened, Head, PassHead, PassKind, RunEvent};
use super::moment::Moment;
use super::past_run::{End, Halt, PastPass, PastRun, PastStep, StepState, Unread, Writer};
use crate::apply::Event;
use crate::model::{HostName, shortened};
use crate::plan::StepId;

/// How many of the last lines of an unfinished step's output are kept.
const TAIL: usize = 20;
/// How many unread lines are named; the others are counted.
const NAMED: usize = 20;

/// Folds the lines of a journal.
pub(super) struct Folding {
    run: PastRun,
    /// Where the steps of the last pass are.
    places: HashMap<StepId, usize>,
    locked: bool,
}

impl Folding {
    pub(super) fn new(head: Head) -> Self {
        let Head {
            format_version: _,
            at,
            command,
            playbook,
            pass,
            operator,
            inventory,
            cluster,
            rabbitup,
            locked,
        } = head;
        let run = PastRun {
            began: at,
            last: at,
            command,
            playbook,
            operator,
            inventory,
            cluster,
            rabbitup,
            passes: Vec::new(),
            verified: None,
            seen: None,
            end: End::Unknown,
            unread: Vec::new(),
            unread_lines: 0,
        };
        let mut folding = Self { run, places: HashMap::new(), locked };
        folding.begin(PassKind::First, pass);
        folding
    }

    fn begin(&mut self, kind: PassKind, head: PassHead) {
        let pass = PastPass::of(kind, head);
        self.places = pass.steps.iter().enumerate().map(|(place, step)| (step.id.clone(), place)).collect();
        self.run.passes.push(pass);
    }

    /// Takes in a line.
    pub(super) fn line(&mut self, number: usize, at: Moment, happened: Happened) {
        self.run.last = self.run.last.max(at);
        match happened {
            Happened::Run(RunEvent::PassStarted { pass, head }) => self.begin(pass, head),
            Happened::Run(RunEvent::Diagnosed(diagnosed)) => {
                self.pass(|pass| pass.diagnosed = Some(diagnosed));
            }
            Happened::Run(RunEvent::Verified(verified)) => self.run.verified = Some(verified),
            Happened::Run(RunEvent::ClusterSeen(seen)) => self.run.seen = Some(seen),
            Happened::Run(RunEvent::RunEnded(ended)) => self.run.end = End::Ended(ended),
            Happened::Step(event) => {
                if let Err(step) = self.event(at, event) {
                    self.unread(number, format!("its plan has no step {step}"));
                }
            }
        }
    }

    pub(super) fn unread(&mut self, line: usize, why: String) {
        self.run.unread_lines += 1;
        if self.run.unread.len() < NAMED {
            self.run.unread.push(Unread { line, why: shortened(&why, 200) });
        }
    }

    /// An error names a step that the plan does not have.
    fn event(&mut self, at: Moment, event: Event) -> Result<(), StepId> {
        match event {
            Event::ApplyStarted { .. } => self.pass(|pass| pass.began = Some(at)),
            Event::Locked => {}
            Event::StepStarted { step, host } => {
                let step = self.step(step, host)?;
                step.began = Some(at);
                step.state = StepState::Began(VecDeque::new());
            }
            Event::StepOutput { step, host, line } => {
                if let StepState::Began(tail) = &mut self.step(step, host)?.state {
                    if tail.len() == TAIL {
                        tail.pop_front();
                    }
                    tail.push_back(line);
                }
            }
            // What a step did at a time matters while it runs.
            Event::StepDoing { step, host, .. } => {
                self.step(step, host)?;
            }
            Event::StepTold { step, host, text } => self.step(step, host)?.told.push(text),
            Event::StepSucceeded { step, host, elapsed } => {
                self.step(step, host)?.end(at, StepState::Succeeded(elapsed));
            }
            Event::StepFailed { step, host, elapsed, failure } => {
                self.step(step, host)?.end(at, StepState::Failed(elapsed, failure));
            }
            Event::StepBlocked { step, host, because_of } => {
                self.step(step, host)?.end(at, StepState::Blocked(because_of));
            }
            Event::StepSkipped { step, host } => self.step(step, host)?.end(at, StepState::Skipped),
            Event::Interrupted { .. } => self.pass(|pass| pass.halts.push((at, Halt::Interrupted))),
            Event::LockLost { host, .. } => self.pass(|pass| pass.halts.push((at, Halt::LockLost(host)))),
            Event::Abandoned { .. } => self.pass(|pass| pass.halts.push((at, Halt::Abandoned))),
            Event::ApplyEnded { outcome, .. } => self.pass(|pass| pass.ended = Some((at, outcome))),
        }
        Ok(())
    }

    fn pass(&mut self, change: impl FnOnce(&mut PastPass)) {
        if let Some(pass) = self.run.passes.last_mut() {
            change(pass);
        }
    }

    fn step(&mut self, id: StepId, host: HostName) -> Result<&mut PastStep, StepId> {
        let place = self.places.get(&id);
        let pass = self.run.passes.last_mut();
        let Some(step) = place.and_then(|place| pass?.steps.get_mut(*place)) else { return Err(id) };
        step.host = Some(host);
        Ok(step)
    }

    pub(super) fn end(mut self, writer: Writer) -> PastRun {
        if !matches!(self.run.end, End::Ended(_)) {
            let applied = self.run.passes.last().and_then(|pass| pass.ended);
            self.run.end = match (self.locked, writer, applied) {
                (true, Writer::Lives, _) => End::Running,
                (true, Writer::Gone, _) => End::Killed,
                (true, Writer::Unknown, _) => End::Unknown,
                (false, _, Some((_, outcome))) => End::Applied(outcome),
                (false, _, None) => End::Unknown,
            };
        }
        self.run
    }
}

impl PastStep {
    fn end(&mut self, at: Moment, state: StepState) {
        // One that never began has no end.
        self.ended = self.began.map(|_| at);
        self.state = state;
    }
}
