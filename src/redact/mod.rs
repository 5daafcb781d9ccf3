//! Removes possible secrets from text, for the screen, `--json`, the journal, diffs and bundles. It recognises the secrets of
//! this run, in every encoding ([`Known`]), and typical shapes of secrets: the user part of a URI, the value of a key named
//! `password`, PEM, password hashes. Each detector only returns ranges in a line. All ranges are covered together, so that no
//! detector sees the result of another.

mod arguments;
mod configuration;
mod hashes;
mod keys;
mod known;
mod pem;
mod uris;
mod value;
mod values;

#[cfg(test)]
#[path = "properties_test.rs"]
mod properties;

use std::ops::Range;

pub(crate) use configuration::allowed_only;
pub(crate) use keys::names_a_secret;
pub(crate) use known::Known;

use pem::Pem;
use values::Unfinished;

/// The replacement for a secret.
pub(crate) const MARK: &str = "••••";

/// The maximum number of passes over a line or a text, until nothing more is found.
const ROUNDS: usize = 8;

/// Redacts the lines of one text in order. Remembers unfinished constructs (a PEM block, a key without its value) for the next
/// line.
#[derive(Default)]
pub(crate) struct Redactor {
    known: Known,
    pem: Pem,
    carry: Unfinished,
}

impl Redactor {
    /// Also redacts these secrets, anywhere.
    pub fn new(known: Known) -> Self {
        Self { known, ..Self::default() }
    }

    /// The next line of the text, redacted.
    pub fn line(&mut self, line: &str) -> String {
        let mut covered = self.pem.places(line);
        let (carried, carry) = values::places(line, self.carry);
        self.carry = carry;
        covered.extend(carried);
        covered.extend(self.places(line));
        let mut shown = cover(line, covered);
        // Covering one range (a removed quote) may reveal another shape.
        for _ in 1..ROUNDS {
            let again = self.again(&shown);
            if again == shown {
                break;
            }
            shown = again;
        }
        shown
    }

    /// Redacts a line again after a change, independently of its neighbours.
    pub fn again(&self, line: &str) -> String {
        let mut covered = values::places(line, Unfinished::Nothing).0;
        covered.extend(self.places(line));
        cover(line, covered)
    }

    fn places(&self, line: &str) -> Vec<Range<usize>> {
        let mut covered = self.known.places(line);
        covered.extend(uris::places(line));
        covered.extend(arguments::places(line));
        covered.extend(hashes::places(line));
        covered
    }

    /// A whole text. Also removes a block whose beginning is missing.
    pub fn text(&mut self, text: &str) -> String {
        let mut shown = self.pass(text);
        for _ in 1..ROUNDS {
            let again = self.pass(&shown);
            if again == shown {
                break;
            }
            shown = again;
        }
        shown
    }

    /// One pass over a text, from its beginning.
    fn pass(&mut self, text: &str) -> String {
        let lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches('\r')).collect();
        let headless = pem::headless(&lines);
        (self.pem, self.carry) = (Pem::default(), Unfinished::default());
        let mut shown = String::with_capacity(text.len());
        for (at, line) in lines.iter().enumerate() {
            let line = self.line(line);
            shown.push_str(if headless.get(at) == Some(&true) { MARK } else { &line });
            shown.push('\n');
        }
        shown
    }
}

/// An existing configuration, redacted for a plan: rabbitmq.conf, rabbitmq-env.conf, haproxy.cfg.
pub(crate) fn redacted(text: &str) -> String {
    Redactor::default().text(text)
}

/// The line with each range replaced by a mark. Ranges may overlap; adjacent ones are merged.
fn cover(line: &str, mut places: Vec<Range<usize>>) -> String {
    places.retain(|place| !place.is_empty());
    places.sort_by_key(|place| place.start);
    let mut shown = String::with_capacity(line.len());
    let mut end = 0;
    let mut within = false;
    for place in places {
        // Detectors match ASCII, so their ranges are on character boundaries; others are extended outwards.
        let (start, stop) = (line.floor(place.start), line.ceil(place.end));
        if start > end || (start == end && !within) {
            shown.push_str(line.get(end..start).unwrap_or_default());
            shown.push_str(MARK);
        }
        within = true;
        end = end.max(stop);
    }
    shown.push_str(line.get(end..).unwrap_or_default());
    shown
}

/// The character boundaries around a position.
trait Borders {
    fn floor(&self, at: usize) -> usize;
    fn ceil(&self, at: usize) -> usize;
}

impl Borders for str {
    fn floor(&self, at: usize) -> usize {
        (0..=at.min(self.len())).rev().find(|at| self.is_char_boundary(*at)).unwrap_or(0)
    }

    fn ceil(&self, at: usize) -> usize {
        (at..self.len()).find(|at| self.is_char_boundary(*at)).unwrap_or(self.len())
    }
}
