//! A step that writes needs a writable file system with free space: a plan that would meet a full or read-only one is refused
//! before any change.

use super::Step;
use crate::facts::{HostFacts, LEAST_TO_WRITE, Shortage, Storage, shortages};
use crate::operation::Writes;

/// Why this step cannot succeed on the host, as observed.
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
