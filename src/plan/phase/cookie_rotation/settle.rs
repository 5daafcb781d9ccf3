use super::rotate::rotate;
use super::state::{Target, Unfinished, drop_staged, unfinished};
use crate::plan::Draft;
use crate::playbook::Minutes;

/// Ends a rotation that failed half-way: where a node has taken the new cookie, on to it; else back to the old one.
pub fn plan(draft: &mut Draft<'_>) {
    match unfinished(draft) {
        Some(Unfinished::Target(target)) => {
            let reason = "some nodes have the new cookie already, so all get it";
            rotate(draft, &Target { reason, ..target }, Minutes::default());
        }
        Some(Unfinished::Refused) => {}
        None => drop_staged(draft, "no node has taken the new cookie, so the old one stays"),
    }
}
