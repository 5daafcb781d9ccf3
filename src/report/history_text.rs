//! The runs of the past for people, one a line.

use crate::apply::Tally;
use crate::cluster::phrases::counted;
use crate::history::{Became, Found, NoEnd, PastRun, RunResult};
use crate::model::one_line;

use super::style::{Ink, Style};
use super::table::{Column, table};
use super::words::{Wrapped, duration};

/// How much of a run's name is shown: nobody has as many runs as would make it ambiguous.
const DIGITS: usize = 8;

/// The runs, newest first. `all` is how many journals there are.
pub fn history_text(found: &[Found], all: usize, style: Style) -> String {
    let runs: Vec<(&Found, &PastRun)> =
        found.iter().filter_map(|found| Some((found, found.run.as_ref().ok()?))).collect();
    let mut text = String::new();
    if !runs.is_empty() {
        text.push_str(&table(columns(&runs), 0, style));
    }
    for unread in found {
        if let Err(why) = &unread.run {
            let words = format!("{} is no journal that can be read: {why}", unread.name());
            text.push_str(&Wrapped::new(0, (Ink::Warning, "! "), (Ink::Plain, &words)).text(style));
        }
    }
    if found.len() < all {
        let older = format!("{}: rabbitup history -n {all}", counted(all - found.len(), "older run"));
        text.push_str(&format!("{}\n", style.paint(Ink::Dimmed, older)));
    }
    if let Some((found, run)) = runs.first() {
        let show =
            format!("Times are UTC. One run in full: rabbitup history show {}", short_name(found, run));
        text.push_str(&format!("\n{}\n", style.paint(Ink::Dimmed, show)));
    }
    text
}

fn columns(runs: &[(&Found, &PastRun)]) -> Vec<Column> {
    let cells = |of: &dyn Fn(&PastRun) -> Option<String>| {
        runs.iter().map(|(_, run)| (Ink::Plain, of(run).unwrap_or_else(|| "-".to_owned()))).collect()
    };
    vec![
        Column {
            head: "RUN",
            yields: 0,
            cells: runs.iter().map(|(found, run)| (Ink::Heading, short_name(found, run))).collect(),
        },
        Column { head: "BEGAN", yields: 0, cells: cells(&|run| Some(run.began.to_the_minute())) },
        Column { head: "TOOK", yields: 0, cells: cells(&took) },
        Column { head: "PLAYBOOK", yields: 0, cells: cells(&|run| Some(run.playbook.clone())) },
        Column {
            head: "RESULT",
            yields: 0,
            cells: runs.iter().map(|(_, run)| (ink(run.became()), words(run.became()).to_owned())).collect(),
        },
        Column { head: "STEPS", yields: 1, cells: cells(&steps) },
        Column { head: "CLUSTER", yields: 2, cells: cells(&about) },
        Column { head: "WHO", yields: 3, cells: cells(&|run| run.operator.clone()) },
        Column { head: "HOSTS", yields: 4, cells: cells(&|run| Some(run.hosts().len().to_string())) },
    ]
}

/// The beginning of the run's name on the hosts; where it has none, the journal's name.
pub(super) fn short_name(found: &Found, run: &PastRun) -> String {
    let name = run.runs().next().map(|name| name.chars().take(DIGITS).collect());
    one_line(&name.unwrap_or_else(|| found.name()))
}

fn took(run: &PastRun) -> Option<String> {
    // Of a run without an end it is only the time until its last line.
    match run.became() {
        Became::Result(_) => run.took().map(duration),
        Became::NoEnd(_) => None,
    }
}

/// The cluster, or else the inventory, whose directory is in its page.
fn about(run: &PastRun) -> Option<String> {
    let file = || run.inventory.as_deref()?.rsplit('/').next().map(str::to_owned);
    run.cluster.clone().or_else(file)
}

/// `12 done`, or where not all are `3 of 12, 1 failed`.
fn steps(run: &PastRun) -> Option<String> {
    let planned = run.steps().count();
    let Tally { done, failed, blocked: _, skipped: _ } = run.tally();
    let done = if done == planned { format!("{done} done") } else { format!("{done} of {planned}") };
    let words = if failed == 0 { done } else { format!("{done}, {failed} failed") };
    (planned > 0).then_some(words)
}

/// `12 done`, `3 of 12 done, 1 failed`.
pub(super) fn tally(Tally { done, failed, blocked: _, skipped: _ }: Tally, planned: usize) -> String {
    let done = if done == planned { format!("{done} done") } else { format!("{done} of {planned} done") };
    if failed == 0 { done } else { format!("{done}, {failed} failed") }
}

/// What became of a run, in a word or two.
pub(super) fn words(became: Became) -> &'static str {
    match became {
        Became::Result(result) => match result {
            RunResult::Done => "done",
            RunResult::NoChanges => "no changes",
            RunResult::Failed => "failed",
            RunResult::Unhealthy => "not healthy",
            RunResult::Interrupted => "interrupted",
            RunResult::TakenOver => "taken over",
            RunResult::Refused => "refused",
            RunResult::Unreachable => "unreachable",
            RunResult::Locked => "locked out",
            RunResult::Unconfirmed => "not confirmed",
            RunResult::Stale => "stale plan",
        },
        Became::NoEnd(NoEnd::Running) => "running",
        Became::NoEnd(NoEnd::Killed) => "killed",
        Became::NoEnd(NoEnd::Unknown) => "no end",
    }
}

pub(super) fn ink(became: Became) -> Ink {
    match became {
        Became::Result(RunResult::Done | RunResult::NoChanges) => Ink::Good,
        Became::Result(
            RunResult::Failed | RunResult::Unhealthy | RunResult::Refused | RunResult::Unreachable,
        )
        | Became::NoEnd(NoEnd::Killed) => Ink::Bad,
        Became::Result(
            RunResult::Interrupted
            | RunResult::TakenOver
            | RunResult::Locked
            | RunResult::Unconfirmed
            | RunResult::Stale,
        )
        | Became::NoEnd(NoEnd::Running | NoEnd::Unknown) => Ink::Warning,
    }
}
