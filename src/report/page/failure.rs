//! The page of a command that ended early: a page that shows only good news would be missing when it is needed.

use super::frame::{Made, Page, Section};
use super::markup::{Markup, element};
use super::parts::{Trouble, troubles};
use super::tone::Tone;
use crate::cluster::phrases::{counted, grouped, whole};
use crate::cluster::unreachable::what;
use crate::model::Advice;
use crate::report::error_code::ErrorKind;
use crate::report::error_json::{Details, ErrorDocument};
use crate::report::refusals::RefusalEntry;
use crate::report::under_way::UnderWay;
use crate::report::unreachable::UnreachableEntry;

/// Why there is no plan, as the text of a file.
pub fn failure_page(
    command: &'static str,
    subject: String,
    error: &ErrorDocument<'_>,
    made: &Made,
) -> String {
    let title = match error.error {
        ErrorKind::Refused => "No plan: what to solve first",
        ErrorKind::Unreachable => "Hosts that could not be inspected",
        ErrorKind::Locked => "Another run is in progress",
        ErrorKind::Usage
        | ErrorKind::Stale
        | ErrorKind::Unconfirmed
        | ErrorKind::Interrupted
        | ErrorKind::Failed => "What went wrong",
    };
    Page {
        command,
        subject,
        verdict: (Tone::Bad, format!("{} Nothing was changed.", verdict(error))),
        made: made.clone(),
        sections: Section::of("problems", title, problems(error)).into_iter().collect(),
    }
    .html()
}

/// As the last line of the text: the first of several reasons would not stand for all.
fn verdict(error: &ErrorDocument<'_>) -> String {
    match error.details {
        Details::Refusals(document) => {
            let all = document.refusals.iter().map(|entry| ((&entry.what, &entry.advice), ()));
            format!("No plan: {} to solve first.", counted(grouped(all).len(), "problem"))
        }
        Details::None
        | Details::Unreachable(_)
        | Details::Problems { .. }
        | Details::UnderWay { .. }
        | Details::Destroys { .. } => format!("{}.", error.message.trim_end_matches('.')),
    }
}

fn problems(error: &ErrorDocument<'_>) -> Markup {
    match error.details {
        Details::Refusals(document) => refusals(&document.refusals),
        Details::Unreachable(document) => troubles(document.unreachable.iter().map(unreachable)),
        Details::UnderWay { under_way } => itself(error).and(runs(under_way)),
        Details::None | Details::Problems { .. } | Details::Destroys { .. } => itself(error),
    }
}

/// The error's own sentence, reason and advice.
fn itself(error: &ErrorDocument<'_>) -> Markup {
    let commands = error.commands.iter().cloned().map(Advice::Command);
    let sentence = error.next.map(|next| Advice::Sentence(next.to_owned()));
    troubles([Trouble {
        tone: Tone::Bad,
        kind: "error",
        hosts: Vec::new(),
        what: error.message,
        why: error.why.into_iter().collect(),
        next: sentence.into_iter().chain(commands).collect(),
    }])
}

/// Every reason once, with the hosts that have it.
fn refusals(all: &[RefusalEntry]) -> Markup {
    let groups = grouped(all.iter().map(|entry| ((&entry.what, &entry.advice), entry)));
    troubles(groups.into_iter().map(|((what, advice), entries)| {
        Trouble {
            tone: Tone::Bad,
            kind: "refused",
            hosts: entries.iter().filter_map(|entry| entry.host.as_ref()).collect(),
            what,
            why: grouped(entries.iter().map(|entry| (entry.why.as_str(), ())))
                .into_iter()
                .map(|(why, _)| why)
                .collect(),
            next: advice.lines().map(Advice::of_line).collect(),
        }
    }))
}

fn unreachable(entry: &UnreachableEntry) -> Trouble<'_> {
    Trouble {
        tone: Tone::Bad,
        kind: "error",
        hosts: vec![&entry.host],
        what: what(entry.cause),
        why: vec![&entry.evidence],
        next: entry.advice.iter().map(|line| Advice::of_line(line)).collect(),
    }
}

fn runs(all: &[UnderWay]) -> Markup {
    let line = |run: &UnderWay| {
        let hosts = whole(&run.hosts);
        let process = run.process.map(|process| format!(" (process {process})")).unwrap_or_default();
        element("li").text(format!("{}{process} runs {} on {hosts}", run.who, run.playbook))
    };
    if all.is_empty() { Markup::default() } else { element("ul").each(all.iter().map(line)).into() }
}
