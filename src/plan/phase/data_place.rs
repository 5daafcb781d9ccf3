//! Whether a node without data was wiped, or its data is elsewhere: on an unmounted disk or in another directory.

use super::Draft;
use crate::cluster::phrases::listed;
use crate::facts::HostFacts;
use crate::inventory::Host;
use crate::model::Cause;

/// Refuses to treat a node as wiped if its data may be elsewhere. Returns whether it refused.
pub(super) fn refuse(draft: &mut Draft<'_>, host: &Host, facts: &HostFacts) -> bool {
    let named = draft.options.destroy_data.contains(&host.name);
    let Some(cause) = doubt(host, facts, named) else { return false };
    let problem = cause.of(format!("it is unknown whether {} still has its data", host.node()));
    draft.refuse_problem(&host.name, problem);
    true
}

/// Evidence that the data may still exist, and what to do.
fn doubt(host: &Host, facts: &HostFacts, named: bool) -> Option<Cause> {
    let place = &facts.data_place;
    let node = host.node();
    if !place.unmounted.is_empty() {
        let paths = listed(&place.unmounted);
        return Some(Cause::new(
            format!(
                "/etc/fstab, a mount unit or a link says that a file system belongs at {paths}, and none is mounted there"
            ),
            format!(
                "on {}: stop rabbitmq-server if it runs, mount the disk (sudo mount -a; findmnt), then rabbitup up starts \
                 {node} with its data; if the disk is gone for good, take it out of /etc/fstab first",
                host.name
            ),
        ));
    }
    // A new disk that replaces a broken one looks like this, and so does the wrong disk.
    let emptied = place.emptied.as_ref().filter(|_| !named)?;
    Some(Cause::new(
        format!("the file system mounted at {emptied} is empty"),
        format!(
            "on {}: findmnt {emptied} shows which disk it is; if it is a new one and the old one is gone for good, name the \
             node: --destroy-data {}",
            host.name, host.name
        ),
    ))
}

/// Advice for a node without data that its cluster still lists: what to check, and `recover-node` only if it would act.
pub(super) fn advice(host: &Host, facts: Option<&HostFacts>) -> String {
    match facts.and_then(|facts| doubt(host, facts, false)) {
        Some(cause) => {
            let parts = [cause.why_text(), cause.advice_text()];
            parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
        }
        None => format!(
            "first make sure that its data is gone, not on an unmounted disk (findmnt, /etc/fstab) or in another \
             directory; then rabbitup run recover-node node={} makes the cluster forget it and brings it back",
            host.name
        ),
    }
}
