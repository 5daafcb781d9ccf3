//! PEM blocks (RFC 7468), also where a line end was lost, a log's prefix stands before each line, or one end was cut off.

use std::ops::Range;

use super::hashes::{LONG, base64_runs, is_mixed};

const BEGIN: &str = "-----BEGIN";
const END: &str = "-----END";
/// Lines without anything of a block in them after which it is taken to have been cut off.
const FOREIGN: u8 = 3;
/// Within a block, a shorter run of Base64's characters is a word beside it.
const SHORTEST: usize = 8;

/// Whether the text is within a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pem {
    #[default]
    Outside,
    /// Behind a whole line of Base64: its last line is shorter.
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
        // A prefix of a log stands before it, or an escaped line end between its parts.
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

/// Behind the label and its dashes, where they are on this line.
fn after_label(line: &str, from: usize) -> usize {
    let rest = line.get(from..).unwrap_or_default();
    let label =
        rest.bytes().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b' ').count();
    let dashes = rest.bytes().skip(label).take(5).take_while(|b| *b == b'-').count();
    if dashes == 5 { from + label + dashes } else { from + if dashes > 0 { label + dashes } else { 0 } }
}

/// Nothing but Base64, with what quotes and joins lines around it.
fn is_body(text: &str) -> bool {
    let bare = text.trim().trim_matches(['"', '\'', '\\', ',', '|', '>', '<', '+']);
    !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
}

/// `Proc-Type: 4,ENCRYPTED`
fn is_header(text: &str) -> bool {
    ["Proc-Type:", "DEK-Info:"].iter().any(|name| text.trim_start().starts_with(name))
}

/// Which lines are the body of a block whose beginning is not there: it stands before the first line.
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
