//! Applies a plan: sends the steps that may run, receives what happens, and emits events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::task::{self, JoinError, JoinSet};

use super::fence::RunMark;
use super::run_batch::{Batch, Render, Shared};
use super::run_failure;
use super::schedule::{HostIndex, Index, Schedule, State};
use super::transcript::Happening;
use super::{Event, EventSink, Interrupt, Outcome, PlanDefect, Report, SecretResolver, Stop};
use crate::operation::{BalancerState, Operation, SwitchServer};
use crate::plan::{Plan, Step, StepId};
use crate::transport::Transport;

/// What a run needs besides the plan.
pub(super) struct Engine<T> {
    pub transport: Arc<T>,
    pub resolver: SecretResolver,
    pub render: Render,
    pub mark: RunMark,
    /// On how many hosts steps run at the same time.
    pub hosts_at_once: usize,
}

struct Run<'a, T> {
    shared: Arc<Shared<T>>,
    hosts_at_once: usize,
    events: &'a EventSink,
    steps: Vec<Arc<Step>>,
    schedule: Schedule,
    batches: JoinSet<()>,
    host_of: HashMap<task::Id, HostIndex>,
    told: UnboundedSender<(Index, Happening)>,
    hears: UnboundedReceiver<(Index, Happening)>,
    halt: watch::Sender<bool>,
    signals: u32,
    sends: Sends,
}

/// What may still be sent to hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sends {
    Everything,
    /// After an interrupt: only steps that put back into service what this run took out.
    WhatTakesBack,
    /// Nothing: a lock was lost, and another run may be active.
    Nothing,
}

impl<T: Transport> Engine<T> {
    /// Runs a plan to its end, or until it is stopped.
    pub async fn run(
        self,
        plan: &Plan,
        interrupt: &mut Interrupt,
        events: &EventSink,
    ) -> Result<Report, PlanDefect> {
        let schedule = Schedule::new(plan)?;
        let (told, hears) = mpsc::unbounded_channel();
        let run = Run {
            shared: Arc::new(Shared {
                transport: self.transport,
                resolver: self.resolver,
                render: self.render,
                mark: self.mark,
            }),
            hosts_at_once: self.hosts_at_once.max(1),
            events,
            steps: plan.steps.iter().cloned().map(Arc::new).collect(),
            schedule,
            batches: JoinSet::new(),
            host_of: HashMap::new(),
            told,
            hears,
            halt: watch::Sender::new(false),
            signals: 0,
            sends: Sends::Everything,
        };
        Ok(run.finish(interrupt).await)
    }
}

impl<T: Transport> Run<'_, T> {
    async fn finish(mut self, interrupt: &mut Interrupt) -> Report {
        let began = Instant::now();
        self.events.emit(Event::ApplyStarted { steps: self.steps.len(), hosts: self.schedule.hosts() });
        while let Some(stop) = interrupt.next_now() {
            self.stop(stop);
        }
        self.start_ready();
        while !self.batches.is_empty() && self.signals < 2 {
            tokio::select! {
                biased;
                stop = interrupt.next() => self.stop(stop),
                Some((index, what)) = self.hears.recv() => {
                    self.hear(index, what);
                    self.hear_all();
                }
                Some(ended) = self.batches.join_next_with_id() => self.batch_over(ended),
            }
            self.start_ready();
        }
        self.hear_all();
        if !self.batches.is_empty() {
            let running = self.in_state(&[State::HandedOver, State::Running]);
            self.events.emit(Event::Abandoned { running });
        }
        self.report(began.elapsed())
    }

    /// Sends every script that may run now.
    fn start_ready(&mut self) {
        let room = self.hosts_at_once.saturating_sub(self.batches.len());
        let (ready, halt) = match self.sends {
            Sends::Everything => (self.schedule.ready(room), self.halt.subscribe()),
            // Scripts sent after an interrupt are not stopped by it.
            Sends::WhatTakesBack => (self.schedule.to_take_back(), watch::Sender::new(false).subscribe()),
            Sends::Nothing => return,
        };
        for indices in ready {
            let Some(first) = indices.first().copied() else { continue };
            let steps = indices.iter().map(|index| (*index, self.as_it_is_due(*index))).collect();
            self.schedule.hand_over(&indices);
            let batch = Batch {
                shared: self.shared.clone(),
                host: self.steps[first].host.clone(),
                steps,
                told: self.told.clone(),
                halt: halt.clone(),
            };
            let task = self.batches.spawn(batch.run());
            self.host_of.insert(task.id(), self.schedule.host_of(first));
        }
    }

    /// A step as in the plan. If a broker may not be back, the step does not wait for the balancer's health check.
    fn as_it_is_due(&self, index: Index) -> Arc<Step> {
        let step = &self.steps[index];
        match &step.operation {
            Operation::SwitchServer(SwitchServer { software, server, to: BalancerState::In, moved })
                if self.sends != Sends::Everything || self.schedule.went_wrong(index) =>
            {
                let operation = Operation::SwitchServer(SwitchServer {
                    software: *software,
                    server: server.clone(),
                    to: BalancerState::InAnyway,
                    moved: moved.clone(),
                });
                Arc::new(Step { operation, ..(**step).clone() })
            }
            _ => step.clone(),
        }
    }

    fn hear(&mut self, index: Index, what: Happening) {
        let (step, host) = (self.steps[index].id.clone(), self.steps[index].host.clone());
        match what {
            Happening::Started => {
                self.schedule.start(index);
                self.events.emit(Event::StepStarted { step, host });
            }
            Happening::Output(line) => self.events.emit(Event::StepOutput { step, host, line }),
            Happening::Doing(activity) => self.events.emit(Event::StepDoing { step, host, activity }),
            Happening::Told(text) => self.events.emit(Event::StepTold { step, host, text }),
            Happening::Succeeded(elapsed) => {
                self.schedule.succeed(index);
                self.events.emit(Event::StepSucceeded { step, host, elapsed });
            }
            Happening::Failed(elapsed, failure) => {
                let blocked = self.schedule.fail(index);
                let because_of = step.clone();
                self.events.emit(Event::StepFailed { step, host, elapsed, failure });
                for index in blocked {
                    let (step, host) = (self.steps[index].id.clone(), self.steps[index].host.clone());
                    self.events.emit(Event::StepBlocked { step, host, because_of: because_of.clone() });
                }
            }
        }
    }

    fn hear_all(&mut self) {
        while let Ok((index, what)) = self.hears.try_recv() {
            self.hear(index, what);
        }
    }

    /// A batch has ended, and all its messages are in the channel.
    fn batch_over(&mut self, ended: Result<(task::Id, ()), JoinError>) {
        self.hear_all();
        let (id, broken) = match ended {
            Ok((id, ())) => (id, None),
            Err(error) => (error.id(), Some(run_failure::internal("a task broke"))),
        };
        let Some(host) = self.host_of.remove(&id) else { return };
        if let Some(failure) = broken {
            let open = self.schedule.in_state(&[State::HandedOver, State::Running]);
            if let Some(index) = open.into_iter().find(|index| self.schedule.host_of(*index) == host) {
                self.hear(index, Happening::Failed(Duration::ZERO, failure));
            }
        }
        self.schedule.release(host);
    }

    fn stop(&mut self, stop: Stop) {
        self.halt.send_replace(true);
        let running = self.in_state(&[State::Running]);
        match stop {
            Stop::LockLost(host) => {
                self.sends = Sends::Nothing;
                self.events.emit(Event::LockLost { host, running });
            }
            Stop::Signal => {
                self.signals += 1;
                if self.sends == Sends::Everything {
                    self.sends = Sends::WhatTakesBack;
                }
                if self.signals == 1 {
                    self.events.emit(Event::Interrupted { running });
                }
            }
        }
    }

    fn in_state(&self, states: &[State]) -> Vec<StepId> {
        self.schedule.in_state(states).into_iter().map(|index| self.steps[index].id.clone()).collect()
    }

    fn report(mut self, elapsed: Duration) -> Report {
        for index in self.schedule.skip_rest() {
            let (step, host) = (self.steps[index].id.clone(), self.steps[index].host.clone());
            self.events.emit(Event::StepSkipped { step, host });
        }
        let outcome = if self.signals > 0 {
            Outcome::Interrupted
        } else if self.in_state(&[State::Succeeded]).len() == self.steps.len() {
            Outcome::Done
        } else {
            Outcome::Failed
        };
        let hosts = self.schedule.tally();
        self.events.emit(Event::ApplyEnded { outcome, elapsed, hosts: hosts.clone() });
        Report { outcome, elapsed, hosts }
    }
}
