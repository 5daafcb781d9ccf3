//! Boots that wait for members they will not find.

use super::names::resolves;
use crate::facts::{BrokerState, HostFacts};
use crate::inventory::{Desired, Host};
use crate::model::HostName;
use crate::rabbitmq::BROKER_UNIT;

/// Whether a node's boot waits in vain: Mnesia connects to the other members when it starts, and does not look for one again whose name
/// did not resolve then.
///
/// Decided by what is known, never by how long it takes: it boots, its Mnesia has met no other member, /etc/hosts changed after its
/// unit started, and the other members' names resolve by now. `now` is the host with the names as they are or will be.
pub fn is_in_vain(desired: &Desired, host: &Host, seen: &HostFacts, now: &HostFacts) -> bool {
    let node = host.node();
    let unit = seen.unit(BROKER_UNIT);
    let boots = seen.broker == BrokerState::AppStopped && unit.active == "activating";
    let is_alone = seen.met.as_ref().is_some_and(|met| met.iter().all(|other| *other == node));
    let members = seen.data_of(&node).map(|data| data.members.as_slice()).unwrap_or_default();
    let others = || members.iter().map(|member| member.node.host()).filter(|name| **name != host.name);
    let changed = now.file("/etc/hosts").map(|file| file.modified);
    let is_older = unit.since.zip(changed).is_some_and(|(since, changed)| since < changed);
    let is_found =
        |name: &HostName| desired.host(name).is_none_or(|other| resolves(now, name, other.address));
    boots && is_alone && is_older && others().next().is_some() && others().all(is_found)
}
