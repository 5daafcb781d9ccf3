//! Building blocks of all texts: counts, durations, lists and wrapping.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use console::measure_text_width;

use super::progress::time_of_day;
use super::style::{Detail, Ink, Style};
pub(super) use crate::cluster::phrases::span;
use crate::cluster::phrases::{counted, folded, whole};
use crate::model::one_line;
use crate::plan::Change;

/// `3.2 s`, `1 min 12 s`, `2 h 5 min`.
pub(super) fn duration(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    if tenths < 600 {
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    span(u64::try_from((tenths + 5) / 10).unwrap_or(u64::MAX))
}

/// `since 12:03:07 UTC, 2 min 3 s ago`: when something began, as seen at `now`.
pub fn since(began: SystemTime, now: SystemTime) -> String {
    let at = began.duration_since(UNIX_EPOCH).unwrap_or_default();
    let age = now.duration_since(began).unwrap_or_default();
    format!("since {} UTC, {} ago", time_of_day(at), span(age.as_secs()))
}

/// `node1, node2, node3`; folded where there are many: `node1, node2, node3 and 47 more`.
pub(super) fn list<T: Display>(items: &[T], detail: Detail) -> String {
    match detail {
        Detail::Full => whole(items),
        Detail::Folded => folded(items),
    }
}

/// `6 to add, 2 to change, 1 command to run`.
pub(super) fn counted_changes(counts: BTreeMap<Change, usize>) -> String {
    let one = |(change, n)| match change {
        Change::Add => format!("{n} to add"),
        Change::Change => format!("{n} to change"),
        Change::Remove => format!("{n} to remove"),
        Change::Restart => format!("{n} to restart"),
        Change::Command => format!("{} to run", counted(n, "command")),
    };
    counts.into_iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A change in a word, for those who do not see its mark or colour.
pub(super) fn change_word(change: Change) -> &'static str {
    match change {
        Change::Add => "add",
        Change::Change => "change",
        Change::Remove => "remove",
        Change::Restart => "restart",
        Change::Command => "run",
    }
}

/// Text to wrap: a prefix for the first line, with further lines indented below its text.
pub(super) struct Wrapped<'a> {
    indent: usize,
    label: (Ink, &'a str),
    text: (Ink, &'a str),
}

impl<'a> Wrapped<'a> {
    pub(super) fn new(indent: usize, label: (Ink, &'a str), text: (Ink, &'a str)) -> Self {
        Self { indent, label, text }
    }

    /// The lines, each at most as wide as the style, except for longer words.
    pub(super) fn lines(&self, style: Style) -> Vec<String> {
        let hang = self.indent + measure_text_width(self.label.1);
        let room = style.width.saturating_sub(hang).max(20);
        let mut lines = Vec::new();
        for paragraph in self.text.1.split('\n') {
            for part in broken(&one_line(paragraph), room) {
                let before = if lines.is_empty() {
                    format!("{:w$}{}", "", style.paint(self.label.0, self.label.1), w = self.indent)
                } else {
                    " ".repeat(hang)
                };
                lines.push(format!("{before}{}", style.paint(self.text.0, part)).trim_end().to_owned());
            }
        }
        lines
    }

    /// The lines as text, each with its end.
    pub(super) fn text(&self, style: Style) -> String {
        self.lines(style).iter().map(|line| format!("{line}\n")).collect()
    }
}

fn broken(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let width = measure_text_width(word);
        if used > 0 && used + 1 + width > room {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += width;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_like_a_clock() {
        assert_eq!(duration(Duration::from_millis(3_249)), "3.2 s");
        assert_eq!(duration(Duration::from_millis(59_960)), "1 min");
        assert_eq!(duration(Duration::from_secs(72)), "1 min 12 s");
        assert_eq!(span(3 * 86_400 + 4 * 3_600 + 59), "3 d 4 h");
        assert_eq!(span(0), "0 s");
    }

    #[test]
    fn a_beginning_is_told_by_the_clock_and_by_its_age() {
        let began = UNIX_EPOCH + Duration::from_secs(12 * 3_600 + 3 * 60 + 7);
        assert_eq!(since(began, began + Duration::from_secs(123)), "since 12:03:07 UTC, 2 min 3 s ago");
        // A clock that was set back in the meantime.
        assert_eq!(since(began, UNIX_EPOCH), "since 12:03:07 UTC, 0 s ago");
    }

    #[test]
    fn long_text_hangs_under_its_start() {
        let text = "one two three four five six seven eight nine ten";
        let lines = Wrapped::new(2, (Ink::Plain, "why: "), (Ink::Plain, text)).lines(Style::plain(40));
        assert_eq!(lines, ["  why: one two three four five six seven", "       eight nine ten"]);
    }
}
