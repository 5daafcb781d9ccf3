//! Which step may start when. Pure: no clock, no task, no host; the runner asks and tells.

use std::collections::BTreeMap;

use super::Tally;
pub(super) use super::schedule_check::Place;
use super::schedule_check::{self, PlanDefect};
use crate::model::HostName;
use crate::operation::{Operation, Service, SwitchServer};
use crate::plan::{Plan, Step};

/// A host's place among the hosts that have steps.
pub(super) type HostPlace = usize;

/// What has become of a step so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    /// In a script that was sent to the host, and not begun there yet.
    HandedOver,
    Running,
    Succeeded,
    Failed,
    /// Cannot start because of this failed step, directly or not.
    Blocked(Place),
    Skipped,
}

/// The states of all steps of a plan, and the rules by which they follow each other.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    steps: Vec<Slot>,
    hosts: Vec<Queue>,
}

#[derive(Clone, Debug)]
struct Slot {
    host: HostPlace,
    after: Vec<Place>,
    /// The steps that name this one in their `after`.
    followers: Vec<Place>,
    state: State,
    /// The step that this one takes back: it puts a server into the balancer that the other took out. It runs whatever
    /// becomes of the steps in between.
    takes_back: Option<Place>,
}

#[derive(Clone, Debug)]
struct Queue {
    name: HostName,
    steps: Vec<Place>,
    /// Whether a script runs there.
    busy: bool,
}

impl Schedule {
    /// Reads a plan's order.
    ///
    /// # Errors
    /// What would keep the plan from ever ending: see [`PlanDefect`].
    pub fn new(plan: &Plan) -> Result<Self, PlanDefect> {
        let after = schedule_check::check(plan)?;
        let hosts = queues(plan);
        let host_of: BTreeMap<&HostName, HostPlace> =
            hosts.iter().enumerate().map(|(at, queue)| (&queue.name, at)).collect();
        let mut steps: Vec<Slot> = Vec::with_capacity(after.len());
        for (step, after) in plan.steps.iter().zip(after) {
            let host = host_of[&step.host];
            let takes_back = taken_back(&plan.steps[..steps.len()], step);
            steps.push(Slot { host, after, followers: Vec::new(), state: State::Waiting, takes_back });
        }
        for place in 0..steps.len() {
            for before in steps[place].after.clone() {
                steps[before].followers.push(place);
            }
        }
        Ok(Self { steps, hosts })
    }

    /// The hosts that have steps, in the plan's order.
    pub fn hosts(&self) -> Vec<HostName> {
        self.hosts.iter().map(|queue| queue.name.clone()).collect()
    }

    pub fn host_of(&self, place: Place) -> HostPlace {
        self.steps[place].host
    }

    #[cfg(test)]
    pub fn state(&self, place: Place) -> State {
        self.steps[place].state
    }

    /// What may be sent to a host as one script: its next steps, up to the first that waits for another host.
    pub fn next_batch(&self, host: HostPlace) -> Vec<Place> {
        let queue = &self.hosts[host];
        if queue.busy {
            return Vec::new();
        }
        let ended = |place: &&Place| self.steps[**place].state != State::Waiting;
        queue.steps.iter().skip_while(ended).take_while(|place| self.is_free(**place)).copied().collect()
    }

    /// The batches that may start now, at most `room`; what comes first in the plan comes first here.
    pub fn ready(&self, room: usize) -> Vec<Vec<Place>> {
        let mut batches: Vec<Vec<Place>> = (0..self.hosts.len())
            .map(|host| self.next_batch(host))
            .filter(|batch| !batch.is_empty())
            .collect();
        batches.sort_by_key(|batch| batch.first().copied());
        batches.truncate(room);
        batches
    }

    /// Whether a step waits for nothing but the steps before it on its own host.
    fn is_free(&self, place: Place) -> bool {
        let slot = &self.steps[place];
        let met = |before: &Place| {
            let before = &self.steps[*before];
            before.host == slot.host || before.state == State::Succeeded
        };
        let over = |before: &Place| {
            matches!(self.steps[*before].state, State::Succeeded | State::Failed | State::Blocked(_))
        };
        slot.state == State::Waiting
            && (slot.after.iter().all(met) || self.must_take_back(place) && slot.after.iter().all(over))
    }

    /// Whether what this step takes back has been done.
    fn must_take_back(&self, place: Place) -> bool {
        self.steps[place].takes_back.is_some_and(|done| self.steps[done].state == State::Succeeded)
    }

    /// What still has to be taken back when nothing else starts any more: one step for each host that is free, once what it
    /// waited for runs no longer.
    pub fn to_take_back(&self) -> Vec<Vec<Place>> {
        let runs = |before: &Place| matches!(self.steps[*before].state, State::HandedOver | State::Running);
        let due = |place: &&Place| {
            let slot = &self.steps[**place];
            slot.state == State::Waiting && self.must_take_back(**place) && !slot.after.iter().any(runs)
        };
        let idle = self.hosts.iter().filter(|queue| !queue.busy);
        idle.filter_map(|queue| Some(vec![*queue.steps.iter().find(due)?])).collect()
    }

    /// Whether something failed between a step and the one that it takes back.
    pub fn went_wrong(&self, place: Place) -> bool {
        let slot = &self.steps[place];
        let Some(done) = slot.takes_back else { return false };
        let between = self.hosts[slot.host].steps.iter().filter(|other| (done..place).contains(other));
        let wrong = |before: &Place| matches!(self.steps[*before].state, State::Failed | State::Blocked(_));
        slot.after.iter().chain(between).any(wrong)
    }

    /// A script with these steps goes to their host, which is busy until [`Schedule::release`].
    pub fn hand_over(&mut self, batch: &[Place]) {
        for &place in batch {
            self.steps[place].state = State::HandedOver;
            let host = self.steps[place].host;
            self.hosts[host].busy = true;
        }
    }

    pub fn start(&mut self, place: Place) {
        self.steps[place].state = State::Running;
    }

    pub fn succeed(&mut self, place: Place) {
        self.steps[place].state = State::Succeeded;
    }

    /// The step failed. Returns what can never start because of it, in the plan's order: the later steps of its
    /// host, whatever names one of those, and so on.
    pub fn fail(&mut self, place: Place) -> Vec<Place> {
        self.steps[place].state = State::Failed;
        let mut blocked = Vec::new();
        let mut causes = vec![place];
        while let Some(cause) = causes.pop() {
            for next in self.dependants(cause) {
                if self.must_take_back(next) {
                    continue;
                }
                if matches!(self.steps[next].state, State::Waiting | State::HandedOver) {
                    self.steps[next].state = State::Blocked(place);
                    blocked.push(next);
                    causes.push(next);
                }
            }
        }
        blocked.sort_unstable();
        blocked
    }

    fn dependants(&self, place: Place) -> Vec<Place> {
        let slot = &self.steps[place];
        let queue = &self.hosts[slot.host].steps;
        let later = queue.iter().skip_while(|other| **other != place).skip(1);
        slot.followers.iter().chain(later).copied().collect()
    }

    /// The host's script has ended: it may get another one, and what the script did not come to waits again.
    pub fn release(&mut self, host: HostPlace) {
        self.hosts[host].busy = false;
        for &place in &self.hosts[host].steps {
            if self.steps[place].state == State::HandedOver {
                self.steps[place].state = State::Waiting;
            }
        }
    }

    /// Nothing will start any more: gives up every step that still waits and returns them.
    pub fn skip_rest(&mut self) -> Vec<Place> {
        let waiting = self.in_state(&[State::Waiting]);
        for &place in &waiting {
            self.steps[place].state = State::Skipped;
        }
        waiting
    }

    /// The steps in one of the states, in the plan's order.
    pub fn in_state(&self, states: &[State]) -> Vec<Place> {
        (0..self.steps.len()).filter(|place| states.contains(&self.steps[*place].state)).collect()
    }

    /// What became of each host's steps.
    pub fn tally(&self) -> BTreeMap<HostName, Tally> {
        self.hosts.iter().map(|queue| (queue.name.clone(), self.tally_of(queue))).collect()
    }

    fn tally_of(&self, queue: &Queue) -> Tally {
        let mut tally = Tally::default();
        for &place in &queue.steps {
            match self.steps[place].state {
                State::Succeeded => tally.done += 1,
                State::Failed => tally.failed += 1,
                State::Blocked(_) => tally.blocked += 1,
                State::Skipped => tally.skipped += 1,
                // Abandoned: nobody knows what becomes of it.
                State::Waiting | State::HandedOver | State::Running => {}
            }
        }
        tally
    }
}

/// The last of these steps that took the server out which this one puts back.
fn taken_back(before: &[Step], step: &Step) -> Option<Place> {
    let Operation::SwitchServer(SwitchServer { software: _, server, to: Service::In }) = &step.operation
    else {
        return None;
    };
    let took_out = |other: &Step| {
        other.host == step.host
            && matches!(&other.operation, Operation::SwitchServer(SwitchServer { software: _, server: out, to: Service::Out }) if out == server)
    };
    before.iter().rposition(took_out)
}

/// The steps by host, hosts in the plan's order.
fn queues(plan: &Plan) -> Vec<Queue> {
    let mut steps: BTreeMap<&HostName, Vec<Place>> = BTreeMap::new();
    for (place, step) in plan.steps.iter().enumerate() {
        steps.entry(&step.host).or_default().push(place);
    }
    let queue = |name: &HostName| Some(Queue { name: name.clone(), steps: steps.remove(name)?, busy: false });
    plan.hosts.iter().map(|host| &host.name).filter_map(queue).collect()
}
