use serde::Serialize;

use crate::cluster::unreachable::{next, unknown_keys, what};
use crate::facts::{Facts, Unreachable, UnreachableCause};
use crate::inventory::{Desired, Ssh};
use crate::model::{Advice, HostName};
use crate::plan::Plan;

use super::CHANGED;
use super::error_code::ErrorCode;
use super::groups::Block;
use super::style::{Ink, Style};
use super::words::list;
use crate::cluster::phrases::{counted, grouped};

/// How each host is reached, in the inventory's order: advice prints the exact command.
#[derive(Clone, Debug)]
pub struct Routes<'a>(Vec<(&'a HostName, &'a Ssh)>);

impl<'a> From<&'a Desired> for Routes<'a> {
    fn from(desired: &'a Desired) -> Self {
        Self(desired.hosts.iter().map(|host| (&host.name, &host.ssh)).collect())
    }
}

impl<'a> From<&'a Plan> for Routes<'a> {
    fn from(plan: &'a Plan) -> Self {
        Self(plan.hosts.iter().map(|host| (&host.name, &host.ssh)).collect())
    }
}

/// The hosts that could not be inspected, by cause, with evidence and advice. Empty if all answered.
pub fn unreachable_text(facts: &Facts, routes: &Routes<'_>, style: Style) -> String {
    unreached(facts, routes, "Nothing was changed.", style)
}

/// The same for the verification of a run that has changed something.
pub fn late_unreachable_text(facts: &Facts, routes: &Routes<'_>, style: Style) -> String {
    unreached(facts, routes, CHANGED, style)
}

fn unreached(facts: &Facts, routes: &Routes<'_>, changed: &str, style: Style) -> String {
    let silent = facts.unreachable().count();
    if silent == 0 {
        return String::new();
    }
    let all = counted(facts.hosts.len(), "host");
    let line = format!("{silent} of {all} could not be inspected. {changed}");
    format!("{}{}\n", silent_text(facts, routes, style), style.paint(Ink::Heading, line))
}

/// The hosts that did not answer, by cause, with evidence and advice.
pub(crate) fn silent_text(facts: &Facts, routes: &Routes<'_>, style: Style) -> String {
    let silent = in_order(facts, routes);
    let mut text = String::new();
    for (cause, hosts) in grouped(silent.iter().map(|(host, ssh, why)| (why.cause, (*host, *ssh, *why)))) {
        let block = Block {
            mark: (Ink::Bad, "✘"),
            what: what(cause),
            seen: hosts.iter().map(|(host, _, why)| (Some(*host), why.evidence.as_str())).collect(),
            next: match cause {
                UnreachableCause::HostKeyUnknown => {
                    unknown_keys(&hosts.iter().filter_map(|(_, ssh, _)| *ssh).collect::<Vec<_>>())
                }
                _ => together(hosts.iter().map(|(_, ssh, why)| next(why, *ssh)).collect()),
            },
        };
        text.push_str(&block.text(style));
        text.push('\n');
    }
    text
}

/// What to do about several hosts with one cause: each sentence once, and each host's own command, up to five.
fn together(each: Vec<Vec<Advice>>) -> Vec<Advice> {
    const SHOWN: usize = 5;
    let mut lines: Vec<Advice> = Vec::new();
    for at in 0..each.iter().map(Vec::len).max().unwrap_or_default() {
        let mut here: Vec<&Advice> = Vec::new();
        for line in each.iter().filter_map(|lines| lines.get(at)) {
            if !here.contains(&line) {
                here.push(line);
            }
        }
        lines.extend(here.iter().take(SHOWN).map(|line| (*line).clone()));
        if here.len() > SHOWN {
            let words = format!("and the same for the other {}", here.len() - SHOWN);
            lines.push(Advice::Sentence(words));
        }
    }
    lines
}

/// The hosts that could not be inspected, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct UnreachableDocument {
    pub unreachable: Vec<UnreachableEntry>,
    /// How to go on without these hosts, in the form of `advice`.
    pub alternatives: Vec<String>,
}

/// One host that could not be inspected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct UnreachableEntry {
    pub code: ErrorCode,
    pub host: HostName,
    pub cause: UnreachableCause,
    pub evidence: String,
    pub advice: Vec<String>,
}

/// The same as [`unreachable_text`] as a document.
pub fn unreachable_document(facts: &Facts, routes: &Routes<'_>) -> UnreachableDocument {
    let entry = |(host, ssh, why): (&HostName, Option<&Ssh>, &Unreachable)| UnreachableEntry {
        code: ErrorCode::Unreachable(why.cause),
        host: host.clone(),
        cause: why.cause,
        evidence: why.evidence.clone(),
        advice: next(why, ssh).iter().map(Advice::line).collect(),
    };
    let unreachable = in_order(facts, routes).into_iter().map(entry).collect();
    UnreachableDocument { unreachable, alternatives: Vec::new() }
}

type Silent<'a> = (&'a HostName, Option<&'a Ssh>, &'a Unreachable);

fn in_order<'a>(facts: &'a Facts, routes: &Routes<'a>) -> Vec<Silent<'a>> {
    let place = |host: &HostName| routes.0.iter().position(|(name, _)| *name == host);
    let mut silent: Vec<Silent<'a>> = facts
        .unreachable()
        .map(|(host, why)| (host, place(host).and_then(|at| routes.0.get(at)).map(|(_, ssh)| *ssh), why))
        .collect();
    silent.sort_by_key(|(host, _, _)| place(host).unwrap_or(usize::MAX));
    silent
}

/// One line for a run that continues without these hosts.
pub fn skipped_line(facts: &Facts, routes: &Routes<'_>, style: Style) -> Option<String> {
    let hosts: Vec<&HostName> = in_order(facts, routes).into_iter().map(|(host, ..)| host).collect();
    let line = format!("skipped because they could not be inspected: {}", list(&hosts, style.detail));
    (!hosts.is_empty()).then(|| style.paint(Ink::Warning, line))
}
