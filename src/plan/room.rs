//! What a step writes needs a file system that takes it: a plan that would run into a full or read-only one is refused
//! before anything is changed.

use super::Step;
use crate::facts::{HostFacts, LEAST_TO_WRITE, Shortage, Storage, shortages};
use crate::operation::Writes;

/// What keeps this step from succeeding on the host, as it was observed.
pub(super) fn lacking<'h>(host: &'h HostFacts, step: &Step) -> Vec<(&'h Storage, Shortage)> {
    let found = shortages(&host.resources.storage, LEAST_TO_WRITE);
    match step.operation.nature().writes {
        Writes::Nothing => Vec::new(),
        Writes::Changes => {
            found.into_iter().filter(|(_, shortage)| *shortage == Shortage::ReadOnly).collect()
        }
        Writes::Anew => found,
    }
}
