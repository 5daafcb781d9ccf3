//! Which step may start when. Pure: no clock, no task, no host; the runner queries and updates it.

use std::collections::BTreeMap;

use super::Tally;
pub(super) use super::schedule_check::Index;
use super::schedule_check::{self, PlanDefect};
use crate::model::HostName;
use crate::operation::{BalancerState, Login, Operation, SwitchServer};
use crate::plan::{Plan, Step};

/// A host's index among the hosts that have steps.
pub(super) type HostIndex = usize;

/// The state of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    /// In a script that was sent to the host, but not started there yet.
    HandedOver,
    Running,
    Succeeded,
    Failed,
    /// Cannot start because of this failed step, directly or indirectly.
    Blocked(Index),
    Skipped,
}

/// The states of all steps of a plan, and the rules of their order.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    steps: Vec<Slot>,
    hosts: Vec<Queue>,
}

#[derive(Clone, Debug)]
struct Slot {
    host: HostIndex,
    after: Vec<Index>,
    /// The steps that name this one in their `after`.
    followers: Vec<Index>,
    state: State,
    /// The step that this one reverts: it puts a server back into the balancer that the other took out. It runs regardless
    /// of the steps in between.
    takes_back: Option<Index>,
    /// Its script starts with it, since the controller logs in before.
    login: Login,
}

#[derive(Clone, Debug)]
struct Queue {
    name: HostName,
    steps: Vec<Index>,
    /// Whether a script runs on the host.
    busy: bool,
}

impl Schedule {
    /// Reads a plan's order.
    ///
    /// # Errors
    /// Why the plan could never finish: see [`PlanDefect`].
    pub fn new(plan: &Plan) -> Result<Self, PlanDefect> {
        let after = schedule_check::check(plan)?;
        let hosts = queues(plan);
        let host_of: BTreeMap<&HostName, HostIndex> =
            hosts.iter().enumerate().map(|(at, queue)| (&queue.name, at)).collect();
        let mut steps: Vec<Slot> = Vec::with_capacity(after.len());
        for (step, after) in plan.steps.iter().zip(after) {
            let host = host_of[&step.host];
            let takes_back = taken_back(&plan.steps[..steps.len()], step);
            let login = step.operation.login();
            let (followers, state) = (Vec::new(), State::Waiting);
            steps.push(Slot { host, after, followers, state, takes_back, login });
        }
        for index in 0..steps.len() {
            for before in steps[index].after.clone() {
                steps[before].followers.push(index);
            }
        }
        Ok(Self { steps, hosts })
    }

    /// The hosts that have steps, in the plan's order.
    pub fn hosts(&self) -> Vec<HostName> {
        self.hosts.iter().map(|queue| queue.name.clone()).collect()
    }

    pub fn host_of(&self, index: Index) -> HostIndex {
        self.steps[index].host
    }

    #[cfg(test)]
    pub fn state(&self, index: Index) -> State {
        self.steps[index].state
    }

    /// The steps that may be sent to a host as one script: its next ones, up to the first that waits for another host, or that
    /// needs a login before it.
    pub fn next_batch(&self, host: HostIndex) -> Vec<Index> {
        let queue = &self.hosts[host];
        if queue.busy {
            return Vec::new();
        }
        let ended = |index: &&Index| self.steps[**index].state != State::Waiting;
        let next = queue.steps.iter().skip_while(ended).take_while(|index| self.is_free(**index)).copied();
        let fits = |(at, index): &(usize, Index)| *at == 0 || self.steps[*index].login == Login::AsIs;
        next.enumerate().take_while(fits).map(|(_, index)| index).collect()
    }

    /// The batches that may start now, at most `room`, in the plan's order.
    pub fn ready(&self, room: usize) -> Vec<Vec<Index>> {
        let mut batches: Vec<Vec<Index>> = (0..self.hosts.len())
            .map(|host| self.next_batch(host))
            .filter(|batch| !batch.is_empty())
            .collect();
        batches.sort_by_key(|batch| batch.first().copied());
        batches.truncate(room);
        batches
    }

    /// Whether a step waits only for earlier steps on its own host.
    fn is_free(&self, index: Index) -> bool {
        let slot = &self.steps[index];
        let met = |before: &Index| {
            let before = &self.steps[*before];
            before.host == slot.host || before.state == State::Succeeded
        };
        let over = |before: &Index| {
            matches!(self.steps[*before].state, State::Succeeded | State::Failed | State::Blocked(_))
        };
        slot.state == State::Waiting
            && (slot.after.iter().all(met) || self.must_take_back(index) && slot.after.iter().all(over))
    }

    /// Whether the step that this one reverts was done.
    fn must_take_back(&self, index: Index) -> bool {
        self.steps[index].takes_back.is_some_and(|done| self.steps[done].state == State::Succeeded)
    }

    /// The steps that must still revert something when no other step starts: one per free host, once the steps that it
    /// waits for have ended.
    pub fn to_take_back(&self) -> Vec<Vec<Index>> {
        let runs = |before: &Index| matches!(self.steps[*before].state, State::HandedOver | State::Running);
        let due = |index: &&Index| {
            let slot = &self.steps[**index];
            slot.state == State::Waiting && self.must_take_back(**index) && !slot.after.iter().any(runs)
        };
        let idle = self.hosts.iter().filter(|queue| !queue.busy);
        idle.filter_map(|queue| Some(vec![*queue.steps.iter().find(due)?])).collect()
    }

    /// Whether a step failed between this one and the one that it reverts.
    pub fn went_wrong(&self, index: Index) -> bool {
        let slot = &self.steps[index];
        let Some(done) = slot.takes_back else { return false };
        let between = self.hosts[slot.host].steps.iter().filter(|other| (done..index).contains(other));
        let wrong = |before: &Index| matches!(self.steps[*before].state, State::Failed | State::Blocked(_));
        slot.after.iter().chain(between).any(wrong)
    }

    /// A script with these steps is sent to their host, which is busy until [`Schedule::release`].
    pub fn hand_over(&mut self, batch: &[Index]) {
        for &index in batch {
            self.steps[index].state = State::HandedOver;
            let host = self.steps[index].host;
            self.hosts[host].busy = true;
        }
    }

    pub fn start(&mut self, index: Index) {
        self.steps[index].state = State::Running;
    }

    pub fn succeed(&mut self, index: Index) {
        self.steps[index].state = State::Succeeded;
    }

    /// The step failed. Returns the steps that cannot start because of it, in the plan's order: the later steps of its
    /// host, the steps that name one of those, and so on.
    pub fn fail(&mut self, index: Index) -> Vec<Index> {
        self.steps[index].state = State::Failed;
        let mut blocked = Vec::new();
        let mut causes = vec![index];
        while let Some(cause) = causes.pop() {
            for next in self.dependants(cause) {
                if self.must_take_back(next) {
                    continue;
                }
                if matches!(self.steps[next].state, State::Waiting | State::HandedOver) {
                    self.steps[next].state = State::Blocked(index);
                    blocked.push(next);
                    causes.push(next);
                }
            }
        }
        blocked.sort_unstable();
        blocked
    }

    fn dependants(&self, index: Index) -> Vec<Index> {
        let slot = &self.steps[index];
        let queue = &self.hosts[slot.host].steps;
        let later = queue.iter().skip_while(|other| **other != index).skip(1);
        slot.followers.iter().chain(later).copied().collect()
    }

    /// The host's script has ended: it may get another one, and steps that did not start wait again.
    pub fn release(&mut self, host: HostIndex) {
        self.hosts[host].busy = false;
        for &index in &self.hosts[host].steps {
            if self.steps[index].state == State::HandedOver {
                self.steps[index].state = State::Waiting;
            }
        }
    }

    /// No step will start any more: skips every step that still waits and returns them.
    pub fn skip_rest(&mut self) -> Vec<Index> {
        let waiting = self.in_state(&[State::Waiting]);
        for &index in &waiting {
            self.steps[index].state = State::Skipped;
        }
        waiting
    }

    /// The steps in one of the states, in the plan's order.
    pub fn in_state(&self, states: &[State]) -> Vec<Index> {
        (0..self.steps.len()).filter(|index| states.contains(&self.steps[*index].state)).collect()
    }

    /// The outcome of each host's steps.
    pub fn tally(&self) -> BTreeMap<HostName, Tally> {
        self.hosts.iter().map(|queue| (queue.name.clone(), self.tally_of(queue))).collect()
    }

    fn tally_of(&self, queue: &Queue) -> Tally {
        let mut tally = Tally::default();
        for &index in &queue.steps {
            match self.steps[index].state {
                State::Succeeded => tally.done += 1,
                State::Failed => tally.failed += 1,
                State::Blocked(_) => tally.blocked += 1,
                State::Skipped => tally.skipped += 1,
                // Abandoned: its outcome is unknown.
                State::Waiting | State::HandedOver | State::Running => {}
            }
        }
        tally
    }
}

/// The last of these steps that took out the server that this one puts back.
fn taken_back(before: &[Step], step: &Step) -> Option<Index> {
    let Operation::SwitchServer(SwitchServer { software: _, server, to: BalancerState::In, moved: _ }) =
        &step.operation
    else {
        return None;
    };
    let took_out = |other: &Step| {
        other.host == step.host
            && matches!(&other.operation, Operation::SwitchServer(SwitchServer { software: _, server: out, to: BalancerState::Out, moved: _ }) if out == server)
    };
    before.iter().rposition(took_out)
}

/// The steps by host, hosts in the plan's order.
fn queues(plan: &Plan) -> Vec<Queue> {
    let mut steps: BTreeMap<&HostName, Vec<Index>> = BTreeMap::new();
    for (index, step) in plan.steps.iter().enumerate() {
        steps.entry(&step.host).or_default().push(index);
    }
    let queue = |name: &HostName| Some(Queue { name: name.clone(), steps: steps.remove(name)?, busy: false });
    plan.hosts.iter().map(|host| &host.name).filter_map(queue).collect()
}
