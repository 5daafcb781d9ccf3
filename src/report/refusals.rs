use serde::Serialize;

use crate::model::{HostName, Problem};
use crate::plan::{PlanError, Refusal};

use super::CHANGED;
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
        error.0.iter().map(|Refusal { problem, .. }| ((&problem.what, &problem.cause.next), problem)),
    );
    let mut text = String::new();
    for ((what, next), problems) in &groups {
        let seen: Vec<_> =
            problems.iter().map(|it| (it.host.as_ref(), it.cause.why_text().unwrap_or_default())).collect();
        let block = Block {
            mark: (Ink::Bad, "✘"),
            what,
            seen: seen.iter().map(|(host, why)| (*host, why.as_str())).collect(),
            next: (*next).clone(),
        };
        text.push_str(&block.text(style));
        text.push('\n');
    }
    let problems = counted(groups.len(), "problem");
    let line = format!("No plan: {problems} to solve first. {changed}");
    text.push_str(&format!("{}\n", style.paint(Ink::Heading, line)));
    text
}

/// Why planning was refused, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct RefusalDocument {
    pub refusals: Vec<RefusalEntry>,
}

/// One reason on one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct RefusalEntry {
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
        let Refusal { kind: _, phase, problem: Problem { host, what, cause } } = refusal;
        Self {
            host: host.clone(),
            phase: phase.to_string(),
            what: what.clone(),
            why: cause.why_text().unwrap_or_default(),
            advice: cause.advice_text().unwrap_or_default(),
        }
    }
}
