//! Consumers of what happens while a plan is applied: bars on a terminal, lines in a pipe, JSON for machines.

mod block;
mod board;
mod clock;
mod elapsed;
mod json;
mod lines;
mod plain;
mod said;
mod terminal;

pub use block::{Size, Terminal};
pub use clock::Clock;
pub(super) use clock::time_of_day;
pub use json::JsonLines;
pub use plain::PlainLines;
pub use terminal::TerminalBars;

use crate::apply::Event;

/// Shows what happens. A display never fails: when nobody reads any more, the run goes on without it.
pub trait Display {
    /// Takes in what happened and shows it.
    fn event(&mut self, event: &Event);
    /// Called about ten times a second, so that elapsed times move and long steps show life.
    fn tick(&mut self);
    /// Called once, after the last event: shows what was held back and leaves the screen tidy.
    fn finish(&mut self);
}
