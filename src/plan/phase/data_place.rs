//! Whether a node without data was wiped, or its data is merely not there: a disk that is not mounted, another directory.

use super::Draft;
use crate::cluster::phrases::listed;
use crate::facts::HostFacts;
use crate::inventory::Host;
use crate::model::Cause;

/// Refuses to take a node for wiped where its data may be elsewhere. Returns whether it did.
pub(super) fn refuse(draft: &mut Draft<'_>, host: &Host, facts: &HostFacts) -> bool {
    let named = draft.options.destroy_data.contains(&host.name);
    let Some(cause) = doubt(host, facts, named) else { return false };
    let problem = cause.of(format!("whether {} still has its data cannot be seen", host.node()));
    draft.refuse_problem(&host.name, problem);
    true
}

/// What speaks against it that the data is gone, and what to do.
fn doubt(host: &Host, facts: &HostFacts, named: bool) -> Option<Cause> {
    let place = &facts.data_place;
    let node = host.node();
    if !place.unmounted.is_empty() {
        let paths = listed(&place.unmounted);
        return Some(Cause::new(
            format!(
                "a file system belongs at {paths}, by /etc/fstab, a mount unit or a link, and none is mounted there"
            ),
            format!(
                "on {}: stop rabbitmq-server if it runs, mount the disk (sudo mount -a; findmnt), then rabbitup up starts \
                 {node} with its data; if the disk is gone for good, take it out of /etc/fstab first",
                host.name
            ),
        ));
    }
    if let Some(file) = &place.moved_by {
        return Some(Cause::new(
            format!("{file} moves it away from /var/lib/rabbitmq/mnesia, where rabbitup looks"),
            "look there: with its data, rabbitup up starts it; if it is gone, rabbitup run remove-node, then rabbitup up"
                .to_owned(),
        ));
    }
    // A new disk in the place of a broken one looks like this, and so does the wrong disk.
    let emptied = place.emptied.as_ref().filter(|_| !named)?;
    Some(Cause::new(
        format!("the file system that is mounted at {emptied} is empty"),
        format!(
            "on {}: findmnt {emptied} shows which disk it is; if it is a new one and the old one is gone for good, name the \
             node: --destroy-data {}",
            host.name, host.name
        ),
    ))
}

/// What helps a node without data that its cluster still lists: what to look at, and `recover-node` only where it would act.
pub(super) fn advice(host: &Host, facts: Option<&HostFacts>) -> String {
    match facts.and_then(|facts| doubt(host, facts, false)) {
        Some(cause) => {
            let parts = [cause.why_text(), cause.advice_text()];
            parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
        }
        None => format!(
            "first make sure that its data is gone, not on a disk that is not mounted (findmnt, /etc/fstab) and not in another \
             directory; then rabbitup run recover-node node={} has it forgotten and brings it back",
            host.name
        ),
    }
}
