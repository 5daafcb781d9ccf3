use std::collections::BTreeMap;

use super::Draft;
use crate::facts::HostFacts;
use crate::inventory::{Desired, Host};
use crate::model::{HostName, NameMode};

/// What each host is called in full, as this host has to know it: as that host calls itself (`hostname -f`), or, if it was not
/// inspected, as this host calls it. Mail, Kerberos and configuration management go by these names.
pub(super) fn known_on(draft: &Draft<'_>, here: &HostFacts) -> BTreeMap<HostName, String> {
    let desired = draft.desired;
    let full = |host: &Host| {
        let name = match draft.host(&host.name) {
            Some(facts) => own(desired, host, facts),
            None => called(desired, host, here),
        };
        name.map(|name| (host.name.clone(), name))
    };
    match desired.cluster.names {
        NameMode::Short => desired.hosts.iter().filter_map(full).collect(),
        // The inventory has the full names.
        NameMode::Long => BTreeMap::new(),
    }
}

/// The host's own full name: its kernel's, if that is qualified; else what its resolver makes of its name.
fn own(desired: &Desired, host: &Host, facts: &HostFacts) -> Option<String> {
    let kernel = facts.host_name.running.as_str();
    if is_right(host, kernel) && is_full(desired, host, kernel) {
        return Some(kernel.to_owned());
    }
    called(desired, host, facts)
}

fn called(desired: &Desired, host: &Host, on: &HostFacts) -> Option<String> {
    on.full_names.get(&host.name).filter(|name| is_full(desired, host, name)).cloned()
}

/// Whether the kernel's or the persistent name gives the node the name of the inventory: RabbitMQ takes a short name up to the first
/// dot (rabbitmq-env).
pub(super) fn is_right(host: &Host, name: &str) -> bool {
    name == host.name.as_str()
        || (!host.name.is_qualified()
            && name.split_once('.').is_some_and(|(first, _)| first == host.name.as_str()))
}

/// A name with a domain that is this host's and nobody else's: EL puts a host's name behind localhost.localdomain.
fn is_full(desired: &Desired, host: &Host, name: &str) -> bool {
    let Ok(name) = HostName::parse(&name.to_ascii_lowercase()) else { return false };
    let short = name.short();
    name.is_qualified()
        && !short.starts_with("localhost")
        && desired.hosts.iter().all(|other| other.name == host.name || other.name.short() != short)
}
