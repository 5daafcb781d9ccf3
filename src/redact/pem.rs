//! PEM blocks (RFC 7468), also with lost newlines, a log prefix on each line, or a missing beginning or end.

use std::ops::Range;

use super::hashes::{LONG, base64_runs, is_mixed};

const BEGIN: &str = "-----BEGIN";
const END: &str = "-----END";
/// After this many lines without block content, the block is considered truncated.
const FOREIGN: u8 = 3;
/// Within a block, a shorter run of Base64 characters is an ordinary word.
const SHORTEST: usize = 8;

/// Whether the text is within a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pem {
    #[default]
    Outside,
    /// After a full line of Base64: the last line is shorter.
    AfterBody,
    Inside {
        foreign: u8,
    },
}

impl Pem {
    /// The places of the block in the next line.
    pub(super) fn places(&mut self, line: &str) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        let mut at = 0;
        loop {
            let rest = line.get(at..).unwrap_or_default();
            let begin = rest.find(BEGIN).map(|found| at + found);
            let end = rest.find(END).map(|found| at + found);
            match (*self, begin, end) {
                (Self::Inside { .. }, _, Some(end)) => {
                    places.push(at..end);
                    at = after_label(line, end + END.len());
                    *self = Self::Outside;
                }
                (Self::Inside { foreign }, _, None) => {
                    *self = Self::inside(line, at, foreign, &mut places);
                    return places;
                }
                (_, Some(begin), _) => {
                    at = after_label(line, begin + BEGIN.len());
                    *self = Self::Inside { foreign: 0 };
                    if at >= line.trim_end().len() {
                        return places;
                    }
                }
                (state, None, _) => {
                    let is_body = is_body(rest);
                    let long = is_body && rest.trim().len() >= LONG && is_mixed(rest);
                    if long || (is_body && state == Self::AfterBody) {
                        places.push(at..line.len());
                    }
                    *self = if long { Self::AfterBody } else { Self::Outside };
                    return places;
                }
            }
        }
    }

    /// A line, or the end of one, within a block.
    fn inside(line: &str, at: usize, foreign: u8, places: &mut Vec<Range<usize>>) -> Self {
        let rest = line.get(at..).unwrap_or_default();
        if is_body(rest) || is_header(rest) {
            places.push(at..line.len());
            return Self::Inside { foreign: 0 };
        }
        // A log prefix precedes it, or an escaped newline separates its parts.
        let runs: Vec<_> = base64_runs(rest).filter(|run| run.len() >= SHORTEST).collect();
        let material =
            runs.iter().any(|run| run.len() >= LONG || is_mixed(rest.get(run.clone()).unwrap_or_default()));
        places.extend(runs.into_iter().map(|run| at + run.start..at + run.end));
        match foreign {
            _ if material || rest.trim().is_empty() => Self::Inside { foreign: 0 },
            FOREIGN.. => Self::Outside,
            few => Self::Inside { foreign: few + 1 },
        }
    }
}

/// The position after the label and its dashes, if they are on this line.
fn after_label(line: &str, from: usize) -> usize {
    let rest = line.get(from..).unwrap_or_default();
    let label =
        rest.bytes().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b' ').count();
    let dashes = rest.bytes().skip(label).take(5).take_while(|b| *b == b'-').count();
    if dashes == 5 { from + label + dashes } else { from + if dashes > 0 { label + dashes } else { 0 } }
}

/// Only Base64, possibly with quotes and joining characters around it.
fn is_body(text: &str) -> bool {
    let bare = text.trim().trim_matches(['"', '\'', '\\', ',', '|', '>', '<', '+']);
    !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
}

/// `Proc-Type: 4,ENCRYPTED`
fn is_header(text: &str) -> bool {
    ["Proc-Type:", "DEK-Info:"].iter().any(|name| text.trim_start().starts_with(name))
}

/// Which lines are the body of a block whose beginning is missing.
pub(super) fn headless(lines: &[&str]) -> Vec<bool> {
    let mut marked = vec![false; lines.len()];
    let ends = lines.iter().position(|line| line.contains(END));
    let begins = lines.iter().position(|line| line.contains(BEGIN));
    let Some(end) = ends.filter(|end| begins.is_none_or(|begin| *end < begin)) else { return marked };
    for at in (0..end).rev().take_while(|at| lines.get(*at).is_some_and(|line| is_body(line))) {
        if let Some(mark) = marked.get_mut(at) {
            *mark = true;
        }
    }
    marked
}
