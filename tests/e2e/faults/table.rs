//! The table of docs/faults.md: a row per march, with what was struck, what came of it, and when that was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::march::Outcome;
use crate::lab::Suite;

const BEGIN: &str = "<!-- BEGIN marches -->";
const END: &str = "<!-- END marches -->";
const HEAD: &str = "| playbook | fault | strikes where a step | on | struck | runs in vain | confirmed messages | outcome | played |\n\
                    | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
/// Of a march whose clients could not be asked in the end, and of those that were played before there were any.
const UNCOUNTED: &str = "not counted";

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md")
}

/// A row; the cells that name the march come first.
pub fn row(outcome: &Outcome, suite: Suite) -> String {
    let march = outcome.march;
    let release = suite.release();
    let kinds: std::collections::BTreeSet<&str> = outcome.cases.iter().map(|case| case.step.what()).collect();
    let struck = match outcome.cases.len() {
        0 => "nothing".to_owned(),
        count => format!("{count} ({})", kinds.into_iter().collect::<Vec<_>>().join(", ")),
    };
    let broken = outcome.cases.iter().filter(|case| !case.broken.is_empty());
    let broken = broken.map(|case| format!("{}: {}", case.step, cell(&case.broken.join("; "))));
    let ended = outcome.broken.iter().map(|text| cell(text));
    let wrong: Vec<String> = broken.chain(ended).collect();
    let messages = outcome.confirmed.map_or_else(|| UNCOUNTED.to_owned(), |count| count.to_string());
    let verdict = if wrong.is_empty() { "held, converged".to_owned() } else { wrong.join("; ") };
    format!(
        "| {} | {} | {} | {release} | {struck} | {} | {messages} | {verdict} | {} |",
        march.playbook.name,
        march.fault.word(),
        march.when.word(),
        outcome.failed_again.len(),
        today(),
    )
}

/// What fits a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/").chars().take(200).collect()
}

/// As UTC has it.
fn today() -> String {
    let output = Command::new("date").args(["-u", "+%Y-%m-%d"]).output().expect("date runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Puts rows into the page: each in the place of the one of the same march, the others stay.
pub fn write(rows: &[String]) {
    let text = std::fs::read_to_string(page()).expect("docs/faults.md is there");
    let (before, rest) = text.split_once(BEGIN).expect("docs/faults.md has a table");
    let (table, after) = rest.split_once(END).expect("the table ends");
    let mut all: BTreeMap<String, &str> = BTreeMap::new();
    let old = table.lines().filter(|line| {
        line.starts_with("| ") && !line.starts_with("| playbook") && !line.starts_with("| ---")
    });
    for row in old.chain(rows.iter().map(String::as_str)) {
        all.insert(key(row), row);
    }
    let rows: String = all.values().map(|row| format!("{row}\n")).collect();
    let text = format!("{before}{BEGIN}\n\n{HEAD}{rows}\n{END}{after}");
    std::fs::write(page(), text).expect("docs/faults.md is ours to write");
}

/// The first four cells.
fn key(row: &str) -> String {
    row.split('|').skip(1).take(4).collect::<Vec<_>>().join("|")
}
