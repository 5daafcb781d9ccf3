use super::rotate::rotate;
use super::state::{Target, Unfinished, drop_staged, unfinished};
use crate::plan::Draft;
use crate::playbook::Minutes;

/// Completes a rotation that failed half-way if a node has the new cookie; else reverts it to the old one.
pub fn plan(draft: &mut Draft<'_>) {
    match unfinished(draft) {
        Some(Unfinished::Target(target)) => {
            let reason = "some nodes already have the new cookie, so all get it";
            rotate(draft, &Target { reason, ..target }, Minutes::default());
        }
        Some(Unfinished::Refused) => {}
        None => drop_staged(draft, "no node has the new cookie, so the old one stays"),
    }
}
