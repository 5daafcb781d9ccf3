use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use miette::NamedSource;

use crate::model::{one_line, steers};
use crate::redact::names_a_secret;

/// Longer lines are referred to by number instead of being shown.
const LONGEST_SHOWN: usize = 240;

/// The text of a document, and the same text for display: without secrets and control characters.
#[derive(Debug)]
pub struct Source {
    text: String,
    /// The start of each line: a document may have as many problems as lines.
    line_starts: Vec<usize>,
    shown: NamedSource<String>,
}

impl Source {
    pub fn new(path: &Path, text: impl Into<String>) -> Arc<Self> {
        let text = text.into();
        let shown = NamedSource::new(one_line(&path.display().to_string()), presentable(&text));
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(ends).collect();
        Arc::new(Self { text, line_starts, shown })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text for reports. Its bytes have the same positions, so that spans are valid for both.
    pub fn shown(&self) -> &NamedSource<String> {
        &self.shown
    }

    /// The line of a byte, from 1.
    pub fn line_of(&self, byte: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= byte.min(self.text.len()))
    }

    /// The line and the column of a byte, both from 1; the column counts characters, as [`Self::byte_at`] does.
    pub fn place_of(&self, byte: usize) -> (usize, usize) {
        let line = self.line_of(byte);
        let start = self.line_starts.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(start..byte.min(self.text.len())).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// The byte position of a line and a column (both from 1).
    pub fn byte_at(&self, line: usize, column: usize) -> usize {
        let start: usize = self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let rest = &self.text[start.min(self.text.len())..];
        let line_length = rest.find('\n').unwrap_or(rest.len());
        let within = rest.char_indices().nth(column.saturating_sub(1)).map_or(line_length, |(byte, _)| byte);
        start + within.min(line_length)
    }

    /// Clamps a span to the text and to character boundaries.
    pub fn clamp(&self, span: Range<usize>) -> Range<usize> {
        let floor = |mut byte: usize| {
            byte = byte.min(self.text.len());
            while !self.text.is_char_boundary(byte) {
                byte -= 1;
            }
            byte
        };
        let start = floor(span.start);
        start..floor(span.end).max(start)
    }

    /// The first line of a span: a whole table is too long to underline.
    pub fn first_line(&self, span: Range<usize>) -> Range<usize> {
        let span = self.clamp(span);
        let line = self.text[span.clone()].lines().next().unwrap_or_default();
        span.start..span.start + line.trim_end().len()
    }

    /// Whether the lines around a span are short enough to be printed.
    pub fn is_printable(&self, span: &Range<usize>) -> bool {
        let before = self.line_of(span.start).saturating_sub(2);
        let start = self.line_starts.get(before).copied().unwrap_or_default();
        self.text[start..].lines().take(3).all(|line| line.len() <= LONGEST_SHOWN)
    }
}

/// The text with each terminal control character and each byte of a plaintext secret replaced by a printable byte.
fn presentable(text: &str) -> String {
    let mut hidden = vec![false; text.len()];
    let mut end = 0;
    for (at, _) in text.match_indices('=') {
        // One inside an already hidden value changes nothing.
        if at >= end && names_a_secret(key_before(&text[..at])) {
            let value = value_after(text, at + 1);
            end = value.end;
            hidden[value].fill(true);
        }
    }
    let mut shown = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if c == '\n' || c == '\t' || !(hidden[at] || steers(c)) {
            shown.push(c);
        } else {
            shown.extend(std::iter::repeat_n(if c == '\r' { ' ' } else { '*' }, c.len_utf8()));
        }
    }
    shown
}

fn key_before(text: &str) -> &str {
    let text = text.trim_end_matches([' ', '\t', '"', '\'']);
    let start = text.rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).map_or(0, |at| at + 1);
    text.get(start..).unwrap_or_default()
}

/// The bytes between the quotes of a value, or an unquoted value to its possible end; empty for a table.
fn value_after(text: &str, from: usize) -> Range<usize> {
    let start = from + text[from..].len() - text[from..].trim_start_matches([' ', '\t']).len();
    let rest = &text[start..];
    for fence in ["\"\"\"", "'''", "\"", "'"] {
        if let Some(inner) = rest.strip_prefix(fence) {
            let end = inner.find(fence).filter(|end| fence.len() == 3 || !inner[..*end].contains('\n'));
            let inside = start + fence.len();
            let length = end.unwrap_or_else(|| inner.find('\n').unwrap_or(inner.len()));
            // An escaped quote does not end the string; hide the whole line rather than part of a secret.
            let length = if inner[..length].ends_with('\\') {
                inner.find('\n').unwrap_or(inner.len())
            } else {
                length
            };
            let word = &text[inside..inside + length];
            return if matches!(word, "seed" | "generate") {
                inside..inside
            } else {
                inside..inside + length
            };
        }
    }
    if rest.starts_with('{') {
        return start..start;
    }
    start..start + rest.find(['\n', '}']).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_control_characters_are_not_shown() {
        for (text, shown) in [
            ("password = \"hunter2\" # x", "password = \"*******\" # x"),
            ("a = { pass = 'hunter2', b = 1 }", "a = { pass = '*******', b = 1 }"),
            ("default_pass=hunter2\nb = 1", "default_pass=*******\nb = 1"),
            ("cookie = \"a\\\"b\"\nb = 1", "cookie = \"*****\nb = 1"),
            ("cookie = \"seed\"", "cookie = \"seed\""),
            ("password = { from = \"env\" }", "password = { from = \"env\" }"),
            ("x = \"\u{1b}[31m\"\r\n", "x = \"*[31m\" \n"),
            ("x = \"\u{202e}\"\n", "x = \"***\"\n"),
            ("password = \"\"\"one\ntwo\"\"\"", "password = \"\"\"***\n***\"\"\""),
        ] {
            assert_eq!(presentable(text), shown);
            assert_eq!(presentable(text).len(), text.len());
        }
    }

    #[test]
    fn bytes_of_lines_and_columns_stay_in_the_text() {
        let source = Source::new(Path::new("x"), "ab\nçd\n");
        assert_eq!((source.byte_at(1, 2), source.byte_at(2, 2), source.byte_at(9, 9)), (1, 5, 7));
        assert_eq!(source.clamp(4..100), 3..7);
        assert_eq!((source.place_of(1), source.place_of(5), source.place_of(99)), ((1, 2), (2, 2), (3, 1)));
    }
}
