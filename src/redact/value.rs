//! Finds the end of a value: in quotes, in brackets, or bare.

use std::ops::Range;

/// The inside of a value, and whether it continues after the line.
pub(super) struct Value {
    pub inside: Range<usize>,
    /// Brackets that are still open at the end of the line.
    pub open: usize,
}

/// The extent of a bare value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bare {
    Word,
    Line,
}

/// Quotes, the escaped one first: it occurs in JSON within JSON, and in Erlang terms within a log line.
const QUOTES: [&str; 4] = ["\\\"", "\"", "'", "`"];

/// The value that begins at `at`, after its separator and white space.
pub(super) fn value(line: &str, at: usize, bare: Bare) -> Value {
    let rest = line.get(at..).unwrap_or_default();
    // A binary string: <<"…">>.
    let text = rest.strip_prefix("<<").map_or(rest, str::trim_start);
    let at_text = at + rest.len() - text.len();
    if let Some(quote) = QUOTES.into_iter().find(|quote| text.starts_with(quote)) {
        let start = at_text + quote.len();
        return Value { inside: start..closing(line, start, quote).unwrap_or(line.len()), open: 0 };
    }
    match text.chars().next() {
        Some('[' | '{' | '(') => brackets(line, at_text + 1, 1),
        _ if at_text > at => {
            let end = text.find(">>").map_or(line.len(), |end| at_text + end);
            Value { inside: at_text..end, open: 0 }
        }
        _ => {
            let end = match bare {
                Bare::Line => line.trim_end().len().max(at),
                Bare::Word => rest.find(char::is_whitespace).map_or(line.len(), |end| at + end),
            };
            Value { inside: at..end, open: 0 }
        }
    }
}

/// The content of `open` brackets that were opened before `at`.
pub(super) fn brackets(line: &str, at: usize, open: usize) -> Value {
    let mut depth = open;
    let mut quoted = false;
    let mut escaped = false;
    for (offset, c) in line.get(at..).unwrap_or_default().char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '[' | '{' | '(' if !quoted => depth += 1,
            ']' | '}' | ')' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return Value { inside: at..at + offset, open: 0 };
                }
            }
            _ => {}
        }
    }
    Value { inside: at..line.len(), open: depth }
}

/// The end of the quote that was opened before `start`. A quote in the middle of a word does not close it: the text is malformed,
/// and the value continues.
pub(super) fn closing(line: &str, start: usize, quote: &str) -> Option<usize> {
    let text = line.get(start..)?;
    let mut escaped = false;
    for (offset, c) in text.char_indices() {
        let here = text.get(offset..)?;
        if here.starts_with(quote) && !(escaped && quote.len() == 1) && ends_value(here.get(quote.len()..)?) {
            return Some(start + offset);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

/// Whether the text after a quote can follow the end of a value.
fn ends_value(rest: &str) -> bool {
    rest.is_empty()
        || rest.starts_with(|c: char| c.is_whitespace() || ",;:)]}>|&\"'".contains(c))
        || rest.starts_with("\\n")
        || rest.starts_with("\\\"")
        || rest.starts_with("..")
        || rest == "."
}
