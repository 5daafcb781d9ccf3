//! Executes a plan, and only a plan: this module cannot import the inventory or the planner, so what a
//! dry run shows is what an apply does.

mod activity;
#[cfg(test)]
mod admin_tests;
#[cfg(test)]
mod ask_tests;
#[cfg(test)]
mod enter_tests;
#[cfg(test)]
mod erl_call_tests;
mod event;
mod fence;
#[cfg(test)]
mod fence_tests;
#[cfg(test)]
mod firewall_tests;
mod gather;
mod interrupt;
#[cfg(test)]
mod interrupt_tests;
#[cfg(test)]
mod join_tests;
#[cfg(test)]
mod leaving_tests;
mod lock;
#[cfg(test)]
mod log_tests;
#[cfg(test)]
mod mirror_tests;
#[cfg(test)]
mod operation_fixtures;
#[cfg(test)]
mod packages_tests;
#[cfg(test)]
mod place_tests;
mod request;
mod run;
mod run_batch;
mod run_failure;
#[cfg(test)]
pub(crate) mod run_fixtures;
#[cfg(test)]
mod run_tests;
mod schedule;
mod schedule_check;
#[cfg(test)]
mod schedule_tests;
mod script;
#[cfg(test)]
mod script_tests;
mod secret_resolver;
#[cfg(test)]
mod selinux_tests;
#[cfg(test)]
mod swap_tests;
#[cfg(test)]
mod switch_tests;
#[cfg(test)]
mod sync_tests;
#[cfg(test)]
mod take_back_tests;
#[cfg(test)]
mod trail_tests;
mod transcript;
#[cfg(test)]
mod trial_tests;
#[cfg(test)]
mod unit_tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

pub use activity::Activity;
pub use event::{Event, FailureKind, Outcome, StepFailure, Tally};
pub(crate) use fence::trail_word;
pub use fence::{RunId, RunMark, plan_digest};
pub use gather::gather;
pub(crate) use interrupt::{Interrupt, Stop, Stopper};
pub use lock::{LockError, Locks, Operator};
pub(crate) use request::{Request, ask, ask_all};
pub(crate) use schedule_check::PlanDefect;
pub(crate) use secret_resolver::SecretResolver;

use crate::model::{HostName, Secret, SecretName, Secrets};
use crate::operation;
use crate::plan::Plan;
use crate::transport::Transport;

/// On how many hosts steps run at the same time: a limit for one controller's connections.
const HOSTS_AT_ONCE: usize = 30;

/// How a run ended. The events tell what happened to each step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    pub outcome: Outcome,
    pub elapsed: Duration,
    /// Every host that has steps.
    pub hosts: BTreeMap<HostName, Tally>,
}

/// Executes the plan, with `mark` in each script, and returns when no step runs any more, or when a second signal abandons it.
///
/// # Errors
/// A plan that could never finish, before any step runs.
pub(crate) async fn apply<T: Transport>(
    plan: &Plan,
    transport: Arc<T>,
    resolver: SecretResolver,
    mark: RunMark,
    interrupt: &mut Interrupt,
    events: &EventSink,
) -> Result<Report, PlanDefect> {
    let engine =
        run::Engine { transport, resolver, render: script::render, mark, hosts_at_once: HOSTS_AT_ONCE };
    engine.run(plan, interrupt, events).await
}

/// The secrets that a plan's steps name, found as in a run: by rendering each step.
pub(crate) fn named_secrets(plan: &Plan) -> BTreeSet<SecretName> {
    let mut named = BTreeSet::new();
    let mut stand_ins = Secrets::default();
    for step in &plan.steps {
        while let Err(name) = operation::line(step.id.as_str(), &step.operation, &stand_ins) {
            // A name that does not satisfy its step would be requested for ever.
            if !named.insert(name.clone()) {
                break;
            }
            stand_ins.insert(name, Secret::new(b"-".to_vec()));
        }
    }
    named
}

/// An event and the controller's clock when it happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamped {
    pub at: SystemTime,
    pub event: Event,
}

/// One consumer's stream of events, read in a task (`recv`) or a thread (`blocking_recv`). It ends when the
/// [`EventSink`] is dropped.
pub(crate) type EventStream = UnboundedReceiver<Arc<Stamped>>;

/// Sends every event to every consumer. It never waits: unread events are kept in memory.
#[derive(Debug, Default)]
pub(crate) struct EventSink {
    consumers: Vec<UnboundedSender<Arc<Stamped>>>,
}

impl EventSink {
    /// Adds a consumer, which gets all later events.
    pub fn subscribe(&mut self) -> EventStream {
        let (sender, stream) = mpsc::unbounded_channel();
        self.consumers.push(sender);
        stream
    }

    pub fn emit(&self, event: Event) {
        let stamped = Arc::new(Stamped { at: SystemTime::now(), event });
        for consumer in &self.consumers {
            // A dropped consumer needs no more events.
            let _ = consumer.send(stamped.clone());
        }
    }
}
