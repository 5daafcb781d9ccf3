//! Whether a node without data was wiped, or its data is elsewhere: on an unmounted disk or in another directory.

use super::Draft;
use crate::cluster::phrases::listed;
use crate::facts::HostFacts;
use crate::inventory::Host;
use crate::model::{Cause, Next};
use crate::plan::RefusalKind;

/// Refuses to treat a node as wiped if its data may be elsewhere. Returns whether it refused.
pub(super) fn refuse(draft: &mut Draft<'_>, host: &Host, facts: &HostFacts) -> bool {
    let named = draft.options.destroy_data.contains(&host.name);
    let Some(cause) = doubt(draft, host, facts, named) else { return false };
    let problem = cause.of(format!("it is unknown whether {} still has its data", host.node()));
    draft.refuse_problem(&host.name, RefusalKind::DataPlaceUnknown, problem);
    true
}

/// Evidence that the data may still exist, and what to do.
fn doubt(draft: &Draft<'_>, host: &Host, facts: &HostFacts, named: bool) -> Option<Cause> {
    let place = &facts.data_place;
    if !place.unmounted.is_empty() {
        let paths = listed(&place.unmounted);
        return Some(Cause::new(
            format!(
                "/etc/fstab, a mount unit or a link says that a file system belongs at {paths}, and none is mounted there"
            ),
            Next::say("if the disk is gone for good, take it out of /etc/fstab; else stop rabbitmq-server if it runs, mount the disk, and start it with its data:")
                .and(draft.on_host(&host.name, "systemctl stop rabbitmq-server"))
                .and(draft.on_host(&host.name, "mount -a"))
                .rabbitup("up"),
        ));
    }
    // A new disk that replaces a broken one looks like this, and so does the wrong disk.
    let emptied = place.emptied.as_ref().filter(|_| !named)?;
    Some(Cause::new(
        format!("the file system mounted at {emptied} is empty"),
        Next::say("this shows which disk it is:")
            .and(draft.on_host(&host.name, &format!("findmnt {emptied}")))
            .also("if it is a new one, and the old one is gone for good:")
            .rabbitup(format!("run recover-node node={} --destroy-data {}", host.name, host.name)),
    ))
}

/// Advice for a node without data that its cluster still lists: what to check, and `recover-node` only if it would act.
pub(super) fn advice(draft: &Draft<'_>, host: &Host) -> Next {
    match draft.observed.host(&host.name).and_then(|facts| doubt(draft, host, facts, false)) {
        Some(cause) => cause.why_text().map_or_else(Next::default, Next::say).and_all(cause.next),
        None => Next::say(
            "first make sure that its data is gone, not on an unmounted disk (findmnt, /etc/fstab) or in another directory; then \
             this makes the cluster forget it and brings it back:",
        )
        .rabbitup(format!("run recover-node node={}", host.name)),
    }
}
