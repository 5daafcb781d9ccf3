//! A file's change below its step: coloured, indented, folded if long, and shown only once if several hosts get the same.

use crate::cluster::phrases::counted;
use std::collections::BTreeMap;

use crate::model::{HostName, one_line};

use super::style::{Detail, Ink, Style};

/// How many lines of a diff are shown before it is folded.
const LINES: usize = 16;
/// A diff this short is repeated rather than referred to.
const WORTH_A_REFERENCE: usize = 3;
const INDENT: &str = "      ";

/// The diffs shown so far, with the first host of each.
#[derive(Default)]
pub(super) struct Shown<'a>(BTreeMap<&'a str, &'a HostName>);

pub(super) fn text<'a>(diff: &'a str, host: &'a HostName, shown: &mut Shown<'a>, style: Style) -> String {
    let lines = changed_lines(diff);
    let dimmed = |words: String| format!("{INDENT}{}\n", style.paint(Ink::Dimmed, words));
    if style.detail == Detail::Folded && lines.len() > WORTH_A_REFERENCE {
        if let Some(first) = shown.0.get(diff) {
            return dimmed(format!("the same {} as on {first}", counted(lines.len(), "line")));
        }
        shown.0.insert(diff, host);
    }
    // Folding a single line would save nothing.
    let end = match style.detail {
        Detail::Folded if lines.len() > LINES + 1 => LINES,
        _ => lines.len(),
    };
    let mut text: String = lines.iter().take(end).map(|line| painted(line, style)).collect();
    if end < lines.len() {
        let more = counted(lines.len() - end, "more line");
        text.push_str(&dimmed(format!("… {more} (rabbitup plan -v shows all)")));
    }
    text
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

fn painted(line: &str, style: Style) -> String {
    let ink = match line.as_bytes().first() {
        Some(b'+') => Ink::Added,
        Some(b'-') => Ink::Removed,
        Some(b'@' | b'\\') => Ink::Dimmed,
        _ => Ink::Plain,
    };
    format!("{INDENT}{}\n", style.paint(ink, one_line(line).trim_end()))
}
