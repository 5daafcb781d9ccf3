//! A file's change below its step: coloured, indented, folded if long, and shown only once if several hosts get the same.

use crate::cluster::phrases::counted;
use std::collections::BTreeMap;

use crate::model::{HostName, one_line};

use super::style::{Detail, Ink, Style};

/// How many lines of a diff are shown before it is folded.
const LINES: usize = 16;
/// A diff this short is repeated rather than referred to.
const WORTH_A_REFERENCE: usize = 3;

/// The diffs shown so far, with the first host of each.
#[derive(Default)]
pub(super) struct Shown<'a>(BTreeMap<&'a str, &'a HostName>);

/// How much of a diff is shown at once.
pub(super) enum Folded<'a> {
    /// It is that of another host, which was shown.
    SameAs { host: &'a HostName, lines: usize },
    /// Its first lines, and those that are left out or folded.
    Lines { shown: Vec<&'a str>, rest: Vec<&'a str> },
}

impl<'a> Shown<'a> {
    /// What to show of a host's diff, and that it was shown.
    pub(super) fn folded(&mut self, diff: &'a str, host: &'a HostName, detail: Detail) -> Folded<'a> {
        let mut shown = changed_lines(diff);
        if detail == Detail::Folded && shown.len() > WORTH_A_REFERENCE {
            if let Some(first) = self.0.get(diff) {
                return Folded::SameAs { host: first, lines: shown.len() };
            }
            self.0.insert(diff, host);
        }
        // Folding a single line would save nothing.
        let end = match detail {
            Detail::Folded if shown.len() > LINES + 1 => LINES,
            _ => shown.len(),
        };
        let rest = shown.split_off(end);
        Folded::Lines { shown, rest }
    }
}

/// `indent` is a number of spaces.
pub(super) fn text<'a>(
    (diff, indent): (&'a str, usize),
    host: &'a HostName,
    shown: &mut Shown<'a>,
    style: Style,
) -> String {
    let dimmed = |words: String| format!("{:indent$}{}\n", "", style.paint(Ink::Dimmed, words));
    match shown.folded(diff, host, style.detail) {
        Folded::SameAs { host, lines } => dimmed(format!("the same {} as on {host}", counted(lines, "line"))),
        Folded::Lines { shown, rest } => {
            let painted = |line: &&str| style.paint(ink(line), one_line(line).trim_end()).to_string();
            let mut text: String =
                shown.iter().map(|line| format!("{:indent$}{}\n", "", painted(line))).collect();
            if !rest.is_empty() {
                let more = counted(rest.len(), "more line");
                text.push_str(&dimmed(format!("… {more} (rabbitup plan -v shows all)")));
            }
            text
        }
    }
}

/// The diff without its file header: the step's title names the file.
fn changed_lines(diff: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = diff.lines().collect();
    if let [old, new, ..] = lines.as_slice()
        && old.starts_with("--- ")
        && new.starts_with("+++ ")
    {
        lines.drain(..2);
    }
    // The header of a single hunk adds nothing to the lines below it.
    let is_header = |line: &&str| line.starts_with("@@");
    if lines.first().is_some_and(is_header) && lines.iter().filter(|line| is_header(line)).count() == 1 {
        lines.drain(..1);
    }
    lines
}

/// The meaning of a line of a diff.
pub(super) fn ink(line: &str) -> Ink {
    match line.as_bytes().first() {
        Some(b'+') => Ink::Added,
        Some(b'-') => Ink::Removed,
        Some(b'@' | b'\\') => Ink::Dimmed,
        _ => Ink::Plain,
    }
}
