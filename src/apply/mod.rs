//! Executes a plan, and nothing but a plan: neither the inventory nor the planner can be seen from here, so what a
//! dry run shows is what an apply does.

#[cfg(test)]
mod admin_tests;
#[cfg(test)]
mod ask_tests;
#[cfg(test)]
mod enter_tests;
mod event;
mod fence;
#[cfg(test)]
mod fence_tests;
mod gather;
mod interrupt;
#[cfg(test)]
mod join_tests;
mod journal;
#[cfg(test)]
mod leaving_tests;
mod lock;
#[cfg(test)]
mod log_tests;
#[cfg(test)]
mod mirror_tests;
#[cfg(test)]
mod packages_tests;
#[cfg(test)]
mod place_tests;
mod run;
mod run_batch;
mod run_failure;
#[cfg(test)]
mod run_fixtures;
#[cfg(test)]
mod run_tests;
mod run_transcript;
mod schedule;
mod schedule_check;
#[cfg(test)]
mod schedule_tests;
mod script;
#[cfg(test)]
mod script_tests;
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
#[cfg(test)]
mod trial_tests;
mod vault;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

pub use event::{Event, FailureKind, Outcome, StepFailure, Tally};
pub use fence::{RunId, RunMark, plan_digest};
pub(crate) use gather::at_once;
pub use gather::gather;
pub(crate) use interrupt::{Interrupt, Stop};
pub use journal::Journal;
pub(crate) use journal::journal_dir;
pub use lock::{LockError, Locks, Operator};
pub(crate) use schedule_check::PlanDefect;
pub(crate) use vault::Vault;

use crate::model::{HostName, Secret, SecretName, Secrets};
use crate::operation;
use crate::plan::Plan;
use crate::transport::Transport;

/// On how many hosts steps run at the same time: what one controller's connections bear.
const HOSTS_AT_ONCE: usize = 30;

/// How a run ended. What happened to every single step is in the events.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    pub outcome: Outcome,
    pub elapsed: Duration,
    /// Every host that has steps.
    pub hosts: BTreeMap<HostName, Tally>,
}

/// Executes the plan, each of its scripts with `mark`, and returns when nothing of it runs any more, or when a second signal abandons it.
///
/// # Errors
/// A plan that could never end, before anything runs.
pub(crate) async fn apply<T: Transport>(
    plan: &Plan,
    transport: Arc<T>,
    vault: Vault,
    mark: RunMark,
    interrupt: &mut Interrupt,
    events: &EventSink,
) -> Result<Report, PlanDefect> {
    let engine = run::Engine { transport, vault, render: script::render, mark, hosts_at_once: HOSTS_AT_ONCE };
    engine.run(plan, interrupt, events).await
}

/// The secrets that a plan's steps name, found as a run finds them: by calling each step.
pub(crate) fn named_secrets(plan: &Plan) -> BTreeSet<SecretName> {
    let mut named = BTreeSet::new();
    let mut stand_ins = Secrets::default();
    for step in &plan.steps {
        while let Err(name) = operation::line(step.id.as_str(), &step.operation, &stand_ins) {
            // A name that does not satisfy its step would be asked for again for ever.
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

/// What one consumer reads, at its own pace, in a task (`recv`) or a thread (`blocking_recv`). It ends when the
/// [`EventSink`] is dropped.
pub type EventStream = UnboundedReceiver<Arc<Stamped>>;

/// Hands every event to every consumer. Never waits for one: what a consumer has not read yet waits in memory.
#[derive(Debug, Default)]
pub struct EventSink {
    consumers: Vec<UnboundedSender<Arc<Stamped>>>,
}

impl EventSink {
    /// Adds a consumer, which gets everything from here on.
    pub fn subscribe(&mut self) -> EventStream {
        let (sender, stream) = mpsc::unbounded_channel();
        self.consumers.push(sender);
        stream
    }

    pub fn emit(&self, event: Event) {
        let stamped = Arc::new(Stamped { at: SystemTime::now(), event });
        for consumer in &self.consumers {
            // One that has gone away misses nothing.
            let _ = consumer.send(stamped.clone());
        }
    }
}
