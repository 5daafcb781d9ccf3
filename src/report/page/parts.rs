//! Parts that several pages have: problems with their advice, tables, numbers.

use super::markup::{Element, Markup, element};
use super::tone::Tone;
use crate::cluster::phrases::{grouped, whole};
use crate::cluster::{Finding, Severity};
use crate::model::{Advice, HostName};

/// One problem: where, what, why, and what to do.
pub(super) struct Trouble<'a> {
    pub tone: Tone,
    /// Its kind in a word: `error`.
    pub kind: &'static str,
    pub hosts: Vec<&'a HostName>,
    pub what: &'a str,
    /// The evidence, which may have several lines.
    pub why: Vec<&'a str>,
    pub next: Vec<Advice>,
}

impl Trouble<'_> {
    /// As an item of a list, to which more can be added.
    pub(super) fn item(self) -> Element {
        let Trouble { tone, kind, hosts, what, why, next } = self;
        let headline = element("p")
            .class("what")
            .holds(tone.mark())
            .holds(element("span").class("kind").text(format!("{kind} ")))
            .holds(on(&hosts))
            .text(what);
        let seen = why.into_iter().filter(|why| !why.trim().is_empty());
        element("li")
            .with("class", format!("trouble {}", tone.class()))
            .holds(headline)
            .each(seen.map(|why| element("pre").class("why").holds(Markup::lines(why.trim()))))
            .holds(advice(&next))
    }
}

impl From<Trouble<'_>> for Markup {
    fn from(trouble: Trouble<'_>) -> Self {
        trouble.item().into()
    }
}

/// The hosts that something is about.
fn on(hosts: &[&HostName]) -> Element {
    let words = if hosts.is_empty() { String::new() } else { format!("{}: ", whole(hosts)) };
    element("span").class("hosts").text(words)
}

/// A remark, and the hosts that it is about.
pub(super) fn note(tone: Tone, words: &str, hosts: &[&HostName]) -> Element {
    element("li").holds(tone.mark()).holds(on(hosts)).text(words)
}

/// What was found in a cluster; the hosts of which the same is true share an item.
pub(super) fn finding_troubles(findings: &[Finding]) -> Markup {
    let groups = grouped(findings.iter().map(|finding| {
        let problem = &finding.problem;
        ((finding.severity, &problem.what, &problem.cause.next), problem.host.as_ref())
    }));
    troubles(groups.into_iter().map(|((severity, what, next), hosts)| Trouble {
        tone: severity.into(),
        kind: match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        },
        hosts: hosts.into_iter().flatten().collect(),
        what,
        why: Vec::new(),
        next: next.clone(),
    }))
}

/// Names with their values.
pub(super) fn facts(all: impl IntoIterator<Item = (&'static str, String)>) -> Markup {
    let fact = |(name, value): (&'static str, String)| {
        [Markup::from(element("dt").text(name)), element("dd").text(value).into()]
    };
    element("dl").class("facts").each(all.into_iter().flat_map(fact)).into()
}

/// What to do: commands as they are pasted, and sentences.
pub(super) fn advice(next: &[Advice]) -> Markup {
    let one = |advice: &Advice| match advice {
        Advice::Sentence(words) => element("p").class("advice").holds(quoting(words)),
        Advice::Command(_) | Advice::Rabbitup(_) => command(&advice.words("")),
    };
    next.iter().map(one).collect()
}

/// A sentence in which words between backticks are code.
fn quoting(words: &str) -> Markup {
    let parts: Vec<&str> = words.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return Markup::text(words);
    }
    let part = |(at, part): (usize, &&str)| match at % 2 {
        0 => Markup::text(part),
        _ => element("code").text(part).into(),
    };
    parts.iter().enumerate().map(part).collect()
}

/// A command to copy.
pub(super) fn command(line: &str) -> Element {
    element("pre").class("shell").holds(element("code").text(line))
}

pub(super) fn paragraph(words: &str) -> Element {
    element("p").text(words)
}

/// A list of problems; nothing if there is none.
pub(super) fn troubles<'a>(all: impl IntoIterator<Item = Trouble<'a>>) -> Markup {
    let items: Markup = all.into_iter().map(Markup::from).collect();
    if items.is_empty() { items } else { element("ul").class("troubles").holds(items).into() }
}

/// A cell of a table.
pub(super) enum Cell {
    /// A word or a number, which stays on one line.
    Plain(String),
    /// A sentence, which may take several.
    Prose(String),
    /// Words with a mark for how good or bad it is.
    Toned(Tone, String),
    /// The same of a sentence.
    TonedProse(Tone, String),
    /// The mark alone; its words are for those who do not see it.
    Mark(Tone, &'static str),
}

impl Cell {
    pub(super) fn plain(words: impl ToString) -> Self {
        Self::Plain(words.to_string())
    }

    pub(super) fn prose(words: impl ToString) -> Self {
        Self::Prose(words.to_string())
    }

    pub(super) fn toned(tone: Tone, words: impl ToString) -> Self {
        Self::Toned(tone, words.to_string())
    }

    /// A dash where nothing is known.
    pub(super) fn known(words: Option<impl ToString>) -> Self {
        Self::Plain(words.map_or_else(|| "–".to_owned(), |words| words.to_string()))
    }
}

/// A table: its name, the heads of its columns, and rows, the first cell of which names the row. `anchor` gives a row its id.
pub(super) struct Table<'a> {
    pub caption: &'a str,
    pub heads: Vec<String>,
    pub rows: Vec<(Option<String>, Vec<Cell>)>,
}

impl From<Table<'_>> for Markup {
    fn from(table: Table<'_>) -> Self {
        if table.rows.is_empty() {
            return Self::default();
        }
        let heads = table.heads.iter().map(|head| element("th").with("scope", "col").text(head));
        let rows = table.rows.into_iter().map(|(anchor, cells)| {
            let row = element("tr").each(cells.into_iter().enumerate().map(|(at, cell)| cell.drawn(at)));
            match anchor {
                Some(anchor) => row.with("id", anchor),
                None => row,
            }
        });
        let whole = element("table")
            .holds(element("caption").text(table.caption))
            .holds(element("thead").holds(element("tr").each(heads)))
            .holds(element("tbody").each(rows));
        // A wide table scrolls by itself, also with the keyboard; the page never does.
        element("div")
            .class("scroll")
            .with("role", "region")
            .with("aria-label", table.caption)
            .with("tabindex", 0)
            .holds(whole)
            .into()
    }
}

impl Cell {
    fn drawn(self, column: usize) -> Element {
        let cell = match column {
            0 => element("th").with("scope", "row"),
            _ => element("td"),
        };
        match self {
            Self::Plain(words) => cell.text(words),
            Self::Prose(words) => cell.class("prose").text(words),
            Self::Toned(tone, words) => cell.with("class", tone.class()).holds(tone.mark()).text(words),
            Self::TonedProse(tone, words) => {
                let class = format!("prose {}", tone.class());
                cell.with("class", class).holds(tone.mark()).text(words)
            }
            Self::Mark(tone, words) => {
                let hidden = element("span").class("unseen").text(words);
                cell.with("class", tone.class()).holds(tone.mark()).holds(hidden)
            }
        }
    }
}

/// Numbers with their names.
pub(super) fn numbers<'a>(all: impl IntoIterator<Item = (Tone, &'a str, usize)>) -> Element {
    element("dl").class("numbers").each(all.into_iter().map(|(tone, name, count)| {
        let class = if count == 0 { Tone::Quiet.class() } else { tone.class() };
        element("div")
            .with("class", class)
            .holds(element("dt").holds(tone.mark()).text(name))
            .holds(element("dd").text(count))
    }))
}
