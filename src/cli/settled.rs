use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::arguments::Common;
use super::exit::{Exit, Failure};
use super::print;
use crate::apply::{Operator, gather};
use crate::cluster::health::WAIT_FOR_IT;
use crate::facts::{Facts, RunUnderWay};
use crate::plan::PlannedHost;
use crate::report::{Details, ErrorKind, under_way};
use crate::transport::SshTransport;

/// How long the last step of a run that was cut off is waited for: the longest usual one installs packages.
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The lock of a run that was killed a moment ago goes when its host has noticed: who holds one is looked at again after this.
const NOTICED: Duration = Duration::from_secs(1);

/// Where in a run the hosts are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Before the locks: another run that is under way ends the command.
    First,
    /// Where a run has failed half-way and what ends it is to be planned: a step that was given up may still be running.
    HalfWay,
    /// Under the locks: they are this run's own. What a run that had them before has begun is waited for, too; the name in
    /// the run file keeps it from beginning anything else (`steps/prelude.sh`).
    Locked,
    /// Beside another run, whose waiting it ends: nothing is waited for.
    Beside,
}

/// Looks at the hosts once no step of a run that was killed, abandoned or paused goes on: what is planned or done while a
/// node is drained and stopped behind one's back is wrong before it begins.
pub async fn settled(
    transport: &Arc<SshTransport>,
    hosts: &[PlannedHost],
    common: &Common,
    turn: Turn,
) -> Result<Facts, Failure> {
    let start = Instant::now();
    let own = Operator::here(String::new());
    let mut told = false;
    loop {
        let facts = gather(transport, hosts).await;
        let what = match turn {
            Turn::Beside => None,
            Turn::Locked => still_works(&facts, "a run that was cut off"),
            // One's own lock of a round before goes when its host notices that the connection is lost.
            Turn::First | Turn::HalfWay if facts.under_way().any(|(_, run)| !is_own(run, &own)) => {
                if start.elapsed() > NOTICED {
                    return Err(refused(&facts));
                }
                tokio::time::sleep(NOTICED).await;
                continue;
            }
            Turn::First => still_works(&facts, "a run that was cut off").or_else(|| still_locked(&facts)),
            Turn::HalfWay => still_works(&facts, "this run").or_else(|| still_locked(&facts)),
        };
        let Some(what) = what else { return Ok(facts) };
        if start.elapsed() >= PATIENCE {
            return Err(given_up(turn, what));
        }
        if !told && !common.json {
            told = true;
            print::stdout(&format!("Waiting: {what}\n"));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn still_works(facts: &Facts, whose: &str) -> Option<String> {
    let (host, process) = facts.at_work()?;
    Some(format!("a step of {whose} is still running on {host} (process {process})"))
}

/// A later run waits for it, too. One that has failed already has failed, however long a step of it goes on.
fn given_up(turn: Turn, what: String) -> Failure {
    match turn {
        Turn::First | Turn::Locked | Turn::Beside => {
            Failure::new(Exit::Locked, what).next("wait for its end; nothing was changed")
        }
        Turn::HalfWay => Failure::new(Exit::Failed, what)
            .why("the run was left half-way: what ends it cannot be planned before that step has ended")
            .next("run the same command again: it waits for that step and goes on from what is there"),
    }
}

fn still_locked(facts: &Facts) -> Option<String> {
    let (host, _) = facts.under_way().next()?;
    Some(format!("{host} has not freed the lock of this run yet"))
}

fn is_own(run: &RunUnderWay, own: &Operator) -> bool {
    run.who == own.who && run.process == Some(own.pid)
}

/// No plan is made while another run is at work.
fn refused(facts: &Facts) -> Failure {
    let (runs, now) = (under_way(facts), SystemTime::now());
    let words: Vec<String> = runs.iter().map(|run| run.words(now)).collect();
    let message = words.join("; ");
    Failure::new(Exit::Locked, message)
        .kind(ErrorKind::Locked, Details::UnderWay { under_way: runs })
        .why("a plan made now would undo what that run has half done")
        .next(format!("{WAIT_FOR_IT}; `rabbitup status` shows the cluster meanwhile; nothing was changed"))
}
