use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::arguments::Common;
use super::exit::Failure;
use super::print;
use crate::apply::{Operator, gather};
use crate::cluster::health::WAIT_FOR_IT;
use crate::facts::{Facts, RunUnderWay};
use crate::plan::PlannedHost;
use crate::report::{Details, FailureCode, under_way};
use crate::transport::SshTransport;

/// How long to wait for the last step of an interrupted run: the longest usual one installs packages.
const PATIENCE: Duration = Duration::from_secs(300);
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// A host frees the lock of a run that was just killed after a moment: lock holders are checked again after this.
const LOCK_RELEASE_DELAY: Duration = Duration::from_secs(1);

/// When in a run the hosts are probed, and so which steps and locks to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeTime {
    /// Before locking: another run in progress ends the command.
    First,
    /// Before planning the recovery of a run that failed half-way: a step that was given up may still be running.
    HalfWay,
    /// Under this run's locks. Waits for steps that a previous lock holder has begun; the name in the run file keeps it from
    /// beginning another one (`apply/prelude.sh`).
    Locked,
    /// Beside another run, to cancel what it waits for: waits for nothing.
    Beside,
}

/// Gathers facts once no step of a killed, abandoned or paused run is running any more: a plan made while such a step still
/// drains and stops a node would be wrong from the start.
pub async fn gather_when_idle(
    transport: &Arc<SshTransport>,
    hosts: &[PlannedHost],
    common: &Common,
    turn: ProbeTime,
) -> Result<Facts, Failure> {
    let start = Instant::now();
    let own = Operator::here(String::new());
    let mut announced = false;
    loop {
        let facts = gather(transport, hosts).await;
        let what = match turn {
            ProbeTime::Beside => None,
            ProbeTime::Locked => running_step(&facts, "an interrupted run"),
            // A lock of this run's previous pass ends once its host notices that the connection is lost.
            ProbeTime::First | ProbeTime::HalfWay if facts.under_way().any(|(_, run)| !is_own(run, &own)) => {
                if start.elapsed() > LOCK_RELEASE_DELAY {
                    return Err(refused(&facts));
                }
                tokio::time::sleep(LOCK_RELEASE_DELAY).await;
                continue;
            }
            ProbeTime::First => running_step(&facts, "an interrupted run").or_else(|| held_lock(&facts)),
            ProbeTime::HalfWay => running_step(&facts, "this run").or_else(|| held_lock(&facts)),
        };
        let Some(what) = what else { return Ok(facts) };
        if start.elapsed() >= PATIENCE {
            return Err(given_up(turn, what));
        }
        if !announced {
            announced = true;
            print::usual(common, |_| format!("Waiting: {what}\n"));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

fn running_step(facts: &Facts, whose: &str) -> Option<String> {
    let (host, process) = facts.at_work()?;
    Some(format!("a step of {whose} is still running on {host} (process {process})"))
}

/// A run that has already failed stays failed, however long its step continues; others are locked out.
fn given_up(turn: ProbeTime, what: String) -> Failure {
    match turn {
        ProbeTime::First | ProbeTime::Locked | ProbeTime::Beside => {
            Failure::new(FailureCode::StepRunning, what).next("wait until it ends; nothing was changed")
        }
        ProbeTime::HalfWay => Failure::new(FailureCode::HalfWay, what)
            .why("the run is unfinished: the recovery cannot be planned before that step has ended")
            .next("run the same command again: it waits for that step and continues from the current state"),
    }
}

fn held_lock(facts: &Facts) -> Option<String> {
    let (host, _) = facts.under_way().next()?;
    Some(format!("{host} has not freed the lock of this run yet"))
}

fn is_own(run: &RunUnderWay, own: &Operator) -> bool {
    run.who == own.who && run.process == Some(own.pid)
}

/// No plan is made while another run is in progress.
fn refused(facts: &Facts) -> Failure {
    let (runs, now) = (under_way(facts), SystemTime::now());
    let words: Vec<String> = runs.iter().map(|run| run.words(now)).collect();
    let message = words.join("; ");
    Failure::new(FailureCode::RunInProgress, message)
        .details(Details::UnderWay { under_way: runs })
        .why("a plan made now would undo the unfinished work of that run")
        .next(format!("{WAIT_FOR_IT}; meanwhile `rabbitup status` shows the cluster; nothing was changed"))
}
