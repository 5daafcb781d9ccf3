//! One command on many hosts: its script, and what came of it.

mod answer;
mod ended;
mod order;
#[cfg(test)]
mod script_tests;

pub(crate) use answer::{Answer, NoEnd};
pub(crate) use ended::{Ended, Fate};
pub(crate) use order::{GRACE, Order};
