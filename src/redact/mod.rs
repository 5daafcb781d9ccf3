//! What may be a secret is taken out of text here, for the screen, `--json`, the journal, diffs and bundles alike.
//!
//! Two kinds of knowledge: the secrets of this run, in every encoding ([`Known`]); and shapes that secrets have whoever
//! wrote them: the user's part of a URI, the value of a key that is called `password`, PEM, stored hashes. Each detector
//! only names places in a line. They are covered in one go, so that none sees what another left of it.

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

pub use configuration::allowed_only;
pub use keys::names_a_secret;
pub use known::Known;

use pem::Pem;
use values::Carry;

/// What stands in the place of a secret.
pub const MARK: &str = "••••";

/// How often a line or a text is gone over, at most, until nothing more is found in it.
const ROUNDS: usize = 8;

/// Redacts the lines of one text in their order. What began on one line (a PEM block, a key without its value) is
/// remembered for the next.
#[derive(Default)]
pub struct Redactor {
    known: Known,
    pem: Pem,
    carry: Carry,
}

impl Redactor {
    /// Takes out these secrets, too, wherever they stand.
    pub fn new(known: Known) -> Self {
        Self { known, ..Self::default() }
    }

    /// The next line of the text, without what may be a secret.
    pub fn line(&mut self, line: &str) -> String {
        let mut covered = self.pem.places(line);
        let (carried, carry) = values::places(line, self.carry);
        self.carry = carry;
        covered.extend(carried);
        covered.extend(self.places(line));
        let mut shown = cover(line, covered);
        // What one cover changes (a quote that is gone) may let another shape be seen.
        for _ in 1..ROUNDS {
            let again = self.again(&shown);
            if again == shown {
                break;
            }
            shown = again;
        }
        shown
    }

    /// A line that has been gone over and changed since, without regard to its neighbours.
    pub fn again(&self, line: &str) -> String {
        let mut covered = values::places(line, Carry::Nothing).0;
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

    /// A whole text. A block whose beginning was cut off is taken out, too.
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

    /// Goes over a text once, from its beginning.
    fn pass(&mut self, text: &str) -> String {
        let lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches('\r')).collect();
        let headless = pem::headless(&lines);
        (self.pem, self.carry) = (Pem::default(), Carry::default());
        let mut shown = String::with_capacity(text.len());
        for (at, line) in lines.iter().enumerate() {
            let line = self.line(line);
            shown.push_str(if headless.get(at) == Some(&true) { MARK } else { &line });
            shown.push('\n');
        }
        shown
    }
}

/// A configuration that somebody wrote, as it may stand in a plan: rabbitmq.conf, rabbitmq-env.conf, haproxy.cfg.
pub fn redacted(text: &str) -> String {
    Redactor::default().text(text)
}

/// The line with a mark in the place of each range. Ranges may overlap; those that touch become one.
fn cover(line: &str, mut places: Vec<Range<usize>>) -> String {
    places.retain(|place| !place.is_empty());
    places.sort_by_key(|place| place.start);
    let mut shown = String::with_capacity(line.len());
    let mut end = 0;
    let mut within = false;
    for place in places {
        // Detectors go by ASCII, so their places are borders of characters; one that is not is moved outwards.
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

/// The borders of characters around a place.
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
