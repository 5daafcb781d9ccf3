use serde::Serialize;

use crate::model::{Advice, HostName, Problem};
use crate::plan::{PlanError, Refusal};

use super::CHANGED;
use super::error_code::ErrorCode;
use super::groups::Block;
use super::style::{Ink, Style};
use crate::cluster::phrases::{counted, grouped};

/// Why planning was refused, for people: every reason once, with the hosts that have it.
pub fn refusals_text(error: &PlanError, style: Style) -> String {
    refused(error, "Nothing was changed.", style)
}

/// The same for the verification of a run that has changed something.
pub fn late_refusals_text(error: &PlanError, style: Style) -> String {
    refused(error, CHANGED, style)
}

fn refused(error: &PlanError, changed: &str, style: Style) -> String {
    let groups = grouped(
        error.0.iter().map(|Refusal { problem, .. }| ((&problem.what, shape(&problem.cause.next)), problem)),
    );
    let mut text = String::new();
    for ((what, _), problems) in &groups {
        let seen: Vec<_> =
            problems.iter().map(|it| (it.host.as_ref(), it.cause.why_text().unwrap_or_default())).collect();
        let block = Block {
            mark: (Ink::Bad, "✘"),
            what,
            seen: seen.iter().map(|(host, why)| (*host, why.as_str())).collect(),
            next: next_of_all(problems),
        };
        text.push_str(&block.text(style));
        text.push('\n');
    }
    let problems = counted(groups.len(), "problem");
    let line = format!("No plan: {problems} to solve first. {changed}");
    text.push_str(&format!("{}\n", style.paint(Ink::Heading, line)));
    text
}

/// The hosts for which a command on the host is shown.
const HOSTS: usize = 4;

/// Advice without the commands that log in to the host, which differ from host to host.
fn shape(next: &[Advice]) -> Vec<Option<&Advice>> {
    next.iter().map(|advice| (!is_for_host(advice)).then_some(advice)).collect()
}

fn is_for_host(advice: &Advice) -> bool {
    matches!(advice, Advice::Command(words) if words.starts_with("ssh "))
}

/// The advice of problems of one shape: each host's command, and what all have in common once.
fn next_of_all(problems: &[&Problem]) -> Vec<Advice> {
    let mut all = Vec::new();
    let length = problems.first().map_or(0, |first| first.cause.next.len());
    for at in 0..length {
        let mut here: Vec<&Advice> = Vec::new();
        for advice in problems.iter().filter_map(|problem| problem.cause.next.get(at)) {
            if !here.contains(&advice) {
                here.push(advice);
            }
        }
        let more = here.len().saturating_sub(HOSTS);
        all.extend(here.into_iter().take(HOSTS).cloned());
        if more > 0 {
            all.push(Advice::Sentence(format!("and the same on {}; then:", counted(more, "more host"))));
        }
    }
    all
}

/// Why planning was refused, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct RefusalDocument {
    pub refusals: Vec<RefusalEntry>,
}

/// One reason on one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct RefusalEntry {
    pub code: ErrorCode,
    /// None: the whole inventory.
    pub host: Option<HostName>,
    /// The phase that refuses.
    pub phase: String,
    /// What is wrong.
    pub what: String,
    /// The evidence for it.
    pub why: String,
    /// What to do about it.
    pub advice: String,
}

impl From<&PlanError> for RefusalDocument {
    fn from(error: &PlanError) -> Self {
        let refusals = error.0.iter().map(RefusalEntry::from).collect();
        Self { refusals }
    }
}

impl From<&Refusal> for RefusalEntry {
    fn from(refusal: &Refusal) -> Self {
        let Refusal { kind, phase, problem: Problem { host, what, cause } } = refusal;
        Self {
            code: ErrorCode::Refused(*kind),
            host: host.clone(),
            phase: phase.to_string(),
            what: what.clone(),
            why: cause.why_text().unwrap_or_default(),
            advice: cause.advice_text().unwrap_or_default(),
        }
    }
}
