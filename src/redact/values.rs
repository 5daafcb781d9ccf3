//! Values of keys that name a secret: `password = …`, `"token": "…"`, `{cookie,<<"…">>}`, `set_cookie('…')`.

use std::ops::Range;

use super::keys::{names_a_secret, pair_names_a_secret};
use super::value::{Bare, Value, brackets, value};

/// An unfinished construct of the previous line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Unfinished {
    #[default]
    Nothing,
    /// A key without its value.
    Value,
    /// A value's brackets, and for how many more lines: unclosed brackets must not hide the whole text.
    Brackets { open: usize, lines: usize },
}

/// How many lines a value in brackets may have.
const LINES: usize = 64;

/// A name in the line.
#[derive(Clone, Copy)]
struct Name<'a> {
    start: usize,
    end: usize,
    text: &'a str,
}

/// The ranges of values in the line, and the construct that it leaves unfinished.
pub(super) fn places(line: &str, carry: Unfinished) -> (Vec<Range<usize>>, Unfinished) {
    let mut places = Vec::new();
    let mut at = 0;
    match carry {
        Unfinished::Nothing => {}
        Unfinished::Value if line.trim().is_empty() => return (places, carry),
        Unfinished::Value => {
            let start = line.len() - line.trim_start().len();
            let found = value(line, start, Bare::Line);
            at = found.inside.end;
            if let Some(carry) = take(found, &mut places) {
                return (places, carry);
            }
        }
        Unfinished::Brackets { open, lines } => {
            let found = brackets(line, 0, open);
            let (still, inside) = (found.open, found.inside);
            at = inside.end;
            places.push(within(line, inside));
            if still > 0 {
                let carry = Unfinished::Brackets { open: still, lines: lines.saturating_sub(1) };
                return (places, if lines == 0 { Unfinished::Nothing } else { carry });
            }
        }
    }
    let mut before: Option<Name<'_>> = None;
    while let Some(name) = next_name(line, at) {
        at = name.end;
        if let Some(found) = value_of(line, name, before) {
            match found {
                Found::Here(value) => {
                    at = value.inside.end.max(name.end);
                    if let Some(carry) = take(value, &mut places) {
                        return (places, carry);
                    }
                }
                Found::Later => return (places, Unfinished::Value),
            }
        }
        before = Some(name);
    }
    (places, Unfinished::Nothing)
}

/// Records the range of a value; returns the construct that it leaves unfinished, if any.
fn take(found: Value, places: &mut Vec<Range<usize>>) -> Option<Unfinished> {
    places.push(found.inside);
    (found.open > 0).then_some(Unfinished::Brackets { open: found.open, lines: LINES })
}

/// Without surrounding white space.
fn within(line: &str, range: Range<usize>) -> Range<usize> {
    let text = line.get(range.clone()).unwrap_or_default();
    let start = range.start + text.len() - text.trim_start().len();
    start..(range.start + text.trim_end().len()).max(start)
}

fn next_name(line: &str, from: usize) -> Option<Name<'_>> {
    let part = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let rest = line.get(from..)?;
    let start = from + rest.find(part)?;
    let text = line.get(start..)?;
    let end = start + text.find(|c| !part(c)).unwrap_or(text.len());
    Some(Name { start, end, text: line.get(start..end)? })
}

enum Found {
    Here(Value),
    Later,
}

/// The separator between a key and its value.
#[derive(PartialEq, Eq)]
enum Separator {
    /// `=`, `=>`, `:=`, `->`
    Equals,
    Colon,
    /// `{key, value}`
    Comma,
    /// `key(value)`
    Call,
}

/// The value of this name, if it names a secret and a value follows.
fn value_of(line: &str, name: Name<'_>, before: Option<Name<'_>>) -> Option<Found> {
    let pair = before.filter(|before| is_blank(line, before.end..name.start));
    let paired = pair.is_some_and(|before| pair_names_a_secret(before.text, name.text));
    if !paired && !names_a_secret(name.text) {
        return None;
    }
    let first = if paired { pair.map_or(name.start, |pair| pair.start) } else { name.start };
    let (separator, behind) = separator(line, name.end)?;
    let lead = line.get(..first)?.trim_end_matches(['"', '\'', '`', '\\', '<', ' ', '\t']);
    let is_first_in_line = line.get(..first)?.trim_start_matches(['#', '%', ';', '-', ' ', '\t']).is_empty()
        || line.get(..first)?.trim() == "export";
    let is_quoted = line.get(..first)?.ends_with(['"', '\'', '`']);
    let opens = lead.ends_with(['{', '[', '(']);
    match separator {
        Separator::Comma if !opens => return None,
        // A file name before an error message: /var/lib/rabbitmq/.erlang.cookie: Permission denied.
        Separator::Colon if line.get(..first)?.ends_with('/') || name.text.ends_with(".erlang.cookie") => {
            return None;
        }
        // The scheme of a URI does not count: secret://.
        Separator::Colon if line.get(behind..)?.starts_with("//") => return None,
        Separator::Call => return Some(Found::Here(brackets(line, behind, 1))),
        Separator::Comma | Separator::Colon | Separator::Equals => {}
    }
    let rest = line.get(behind..)?;
    let start = behind + rest.len() - rest.trim_start().len();
    if start == line.len() {
        // A new line also begins after a log prefix (`node2 logger[70]: `).
        let is_first_in_entry = lead.ends_with([':', ']', '>']);
        return (is_first_in_line || is_first_in_entry || is_quoted || opens).then_some(Found::Later);
    }
    if is_first_in_line && !is_quoted && separator != Separator::Comma {
        // A configuration line: the rest of the line is the value, including quotes and spaces.
        return Some(Found::Here(Value { inside: start..line.trim_end().len(), open: 0 }));
    }
    Some(Found::Here(value(line, start, Bare::Word)))
}

fn is_blank(line: &str, range: Range<usize>) -> bool {
    line.get(range).is_some_and(|text| !text.is_empty() && text.chars().all(|c| c == ' ' || c == '\t'))
}

/// The separator after a name that ends at `end`, and its end.
fn separator(line: &str, end: usize) -> Option<(Separator, usize)> {
    let rest = line.get(end..)?;
    if rest.starts_with('(') {
        return Some((Separator::Call, end + 1));
    }
    // The key's own quotes, the end of a binary, an index.
    let closed = rest.trim_start_matches(['"', '\'', '`', '\\', '>', ']']);
    let open = closed.trim_start();
    let at = line.len() - open.len();
    for (sign, separator) in [
        ("=>", Separator::Equals),
        (":=", Separator::Equals),
        ("->", Separator::Equals),
        ("==", Separator::Equals),
        ("=", Separator::Equals),
        (":", Separator::Colon),
        (",", Separator::Comma),
    ] {
        if open.starts_with(sign) {
            return Some((separator, at + sign.len()));
        }
    }
    None
}
