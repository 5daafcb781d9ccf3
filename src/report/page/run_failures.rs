//! Steps that went wrong, with their evidence.

use super::markup::{Element, Markup, element};
use super::parts::Trouble;
use super::tone::Tone;
use crate::cluster::phrases::{counted, folded, grouped};
use crate::history::{PastStep, StepState};
use crate::report::failure::{Failed, ending, unknown_cause, usual_advice};
use crate::report::past_run::lines_of;
use crate::report::titles::Titles;

/// How many of the last lines of an output are shown at once.
const OUTPUT: usize = 20;

/// A failed step: why, what to do, its last output, and what was not done because of it.
pub(super) fn failed(failed: &Failed, titles: &Titles) -> Element {
    let failure = &failed.failure;
    let why = failure.cause.why_text();
    let next = failure.cause.advice_text();
    let ending = ending(failure.kind, failure.code, failed.elapsed);
    let trouble = Trouble {
        tone: Tone::Bad,
        kind: "error",
        hosts: vec![&failed.host],
        what: &format!("{} {ending}", titles.title(&failed.step)),
        why: vec![why.as_deref().unwrap_or_else(|| unknown_cause(failure.kind, &failure.output))],
        next: lines_of(next.as_deref().unwrap_or_else(|| usual_advice(failure.kind))),
    };
    let lines: Vec<&str> = failure.output.iter().map(String::as_str).collect();
    trouble.item().holds(output(&lines)).holds(not_done(failed, titles))
}

/// A step that began, and of which nobody knows how it ended.
pub(super) fn without_end(step: &PastStep) -> Option<Element> {
    let StepState::Began(tail) = &step.state else { return None };
    let trouble = Trouble {
        tone: Tone::Warning,
        kind: "no end",
        hosts: step.host.iter().collect(),
        what: &format!("{}: its end is not known", step.title),
        why: Vec::new(),
        next: Vec::new(),
    };
    let lines: Vec<&str> = tail.iter().map(String::as_str).collect();
    Some(trouble.item().holds(output(&lines)))
}

/// The last lines, and on a click those before them.
fn output(lines: &[&str]) -> Markup {
    if lines.is_empty() {
        return Markup::default();
    }
    let block = |lines: &[&str]| element("pre").class("output").holds(Markup::lines(&lines.join("\n")));
    let (before, last) = lines.split_at(lines.len().saturating_sub(OUTPUT));
    let more = (!before.is_empty()).then(|| {
        let summary = element("summary").text(counted(before.len(), "earlier line"));
        element("details").class("more").holds(summary).holds(block(before))
    });
    let label = element("p").class("label").text("Its last output:");
    [label].into_iter().chain(more).chain([block(last)]).collect()
}

/// By host; equal titles share a line.
fn not_done(failed: &Failed, titles: &Titles) -> Markup {
    let known = failed.not_done.iter().filter_map(|id| titles.get(id));
    let of_hosts = grouped(known.map(|step| (&step.host, step.title.as_str())));
    if of_hosts.is_empty() {
        return Markup::default();
    }
    let alike = grouped(of_hosts.into_iter().map(|(host, titles)| (titles, host)));
    let lines = alike.iter().map(|(titles, hosts)| {
        let name = element("span").class("hosts").text(format!("{}: ", folded(hosts)));
        element("li").holds(name).text(titles.join("; "))
    });
    let label = element("p").class("label").text("Not done because of it:");
    Markup::from(label).and(element("ul").class("undone").each(lines))
}
