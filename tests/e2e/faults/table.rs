//! The table of docs/faults.md: a row per fault run, with the steps hit, the outcome and the date.

use std::collections::BTreeSet;

use super::fault_run::Outcome;
use crate::page::{Table, date};
use crate::release::Suite;

/// For fault runs whose clients could not be queried at the end, and those from before there were clients.
const UNCOUNTED: &str = "not counted";

const FAULT_RUNS: Table = Table {
    page: "docs/faults.md",
    mark: "fault-runs",
    columns: &[
        "playbook",
        "fault",
        "injected when a step",
        "on",
        "hit",
        "runs in vain",
        "confirmed messages",
        "outcome",
        "date",
    ],
    keys: 4,
};

/// A row; the cells that name the fault run come first.
pub fn row(outcome: &Outcome, suite: Suite) -> String {
    let fault_run = outcome.fault_run;
    let kinds: BTreeSet<&str> = outcome.cases.iter().map(|case| case.step.what()).collect();
    let struck = match outcome.cases.len() {
        0 => "nothing".to_owned(),
        count => format!("{count} ({})", kinds.into_iter().collect::<Vec<_>>().join(", ")),
    };
    let broken = outcome.cases.iter().filter(|case| !case.broken.is_empty());
    let broken = broken.map(|case| format!("{}: {}", case.step, cell(&case.broken.join("; "))));
    let ended = outcome.broken.iter().map(|text| cell(text));
    let wrong: Vec<String> = broken.chain(ended).collect();
    FAULT_RUNS.row(&[
        fault_run.playbook.name.to_owned(),
        fault_run.fault.word().to_owned(),
        [Some(fault_run.when.word()), fault_run.only].into_iter().flatten().collect::<Vec<_>>().join(": "),
        suite.release().to_owned(),
        struck,
        outcome.failed_again.len().to_string(),
        outcome.confirmed.map_or_else(|| UNCOUNTED.to_owned(), |count| count.to_string()),
        if wrong.is_empty() { "held, converged".to_owned() } else { wrong.join("; ") },
        date(),
    ])
}

/// What fits a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/").chars().take(200).collect()
}

/// Puts rows into the page.
pub fn write(rows: &[String]) {
    FAULT_RUNS.write(rows);
}
