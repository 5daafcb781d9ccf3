//! Problems for people: one block per problem, however many hosts have it.

use crate::model::{Advice, HostName, one_line};

use super::style::{Ink, Style};
use super::words::{Wrapped, list};
use crate::cluster::phrases::grouped;

/// How many different pieces of evidence one block shows.
const EVIDENCE: usize = 4;
/// Lines per piece of evidence; the rest of ssh's output is banners.
const EVIDENCE_LINES: usize = 6;

/// One problem and the hosts that have it.
pub(super) struct Block<'a> {
    /// The mark before it: `✘` or `error:`.
    pub mark: (Ink, &'a str),
    pub what: &'a str,
    /// The hosts with their evidence, in the order to show.
    pub seen: Vec<(Option<&'a HostName>, &'a str)>,
    /// What to do.
    pub next: Vec<Advice>,
}

impl Block<'_> {
    pub(super) fn text(&self, style: Style) -> String {
        let hosts: Vec<&HostName> = self.seen.iter().filter_map(|(host, _)| *host).collect();
        let mark = format!("{} ", self.mark.1);
        let what = match hosts.is_empty() {
            true => self.what.to_owned(),
            false => format!("{}: {}", list(&hosts, style.detail), self.what),
        };
        let mut text = Wrapped::new(0, (self.mark.0, &mark), (Ink::Heading, &what)).text(style);
        text.push_str(&self.evidence(style));
        text.push_str(&advice_text(&self.next, style));
        text
    }

    fn evidence(&self, style: Style) -> String {
        let groups = grouped(self.seen.iter().map(|(host, seen)| (seen.trim(), *host)));
        let alone = groups.len() == 1;
        let mut text = String::new();
        let mut label = "why:  ";
        for (seen, hosts) in groups.iter().filter(|(seen, _)| !seen.is_empty()).take(EVIDENCE) {
            let lines: Vec<&str> = seen.lines().collect();
            let mut words =
                lines.iter().take(EVIDENCE_LINES).map(|l| one_line(l)).collect::<Vec<_>>().join("\n");
            if lines.len() > EVIDENCE_LINES {
                words.push_str("\n…");
            }
            let hosts: Vec<&HostName> = hosts.iter().copied().flatten().collect();
            if !alone && !hosts.is_empty() {
                words = format!("{}: {words}", list(&hosts, style.detail));
            }
            text.push_str(&Wrapped::new(2, (Ink::Dimmed, label), (Ink::Plain, &words)).text(style));
            label = "      ";
        }
        if groups.len() > EVIDENCE {
            let more = format!("      … and {} more", groups.len() - EVIDENCE);
            text.push_str(&format!("  {}\n", style.paint(Ink::Dimmed, more)));
        }
        text
    }
}

/// What to do, one piece of advice per line.
pub(crate) fn advice_text(next: &[Advice], style: Style) -> String {
    let mut text = String::new();
    for (at, advice) in next.iter().enumerate() {
        let label = if at == 0 { "next: " } else { "      " };
        // Commands are for copying: they are never wrapped.
        match advice {
            Advice::Command(_) | Advice::Rabbitup(_) => {
                let line = one_line(&advice.line());
                text.push_str(&format!("  {}{line}\n", style.paint(Ink::Dimmed, label)));
            }
            Advice::Sentence(words) => {
                text.push_str(&Wrapped::new(2, (Ink::Dimmed, label), (Ink::Plain, words)).text(style));
            }
        }
    }
    text
}
