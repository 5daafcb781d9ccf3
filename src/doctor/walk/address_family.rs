use super::case::{Case, Notes, Seen, rabbitup};
use crate::cluster::address_family;
use crate::doctor::{Cause, Finding};
use crate::facts::HostFacts;
use crate::model::AddressFamily;
use crate::rabbitmq::{ENV_FILE, ERL_ARGS, family_of_carrier};

/// A node looks up the others in one address family only, and listens only there: IPv4, unless its arguments say otherwise.
pub(super) fn walk(case: &Case<'_>, notes: &mut Notes) {
    for (seen, facts) in case.reached().filter(|(seen, _)| seen.is_installed()) {
        notes.checked(Cause::AddressFamily);
        if let Some(found) = finding(case, seen, facts) {
            notes.add(found);
        }
    }
}

fn finding(case: &Case<'_>, seen: &Seen<'_>, facts: &HostFacts) -> Option<Finding> {
    let wanted = AddressFamily::from(seen.host.address);
    let vm = seen.exam.and_then(|exam| exam.vm.as_ref());
    // One with a carrier of its own (`-proto_dist` of another kind) is not judged.
    let running = match vm.map(|vm| vm.proto_dist.as_deref()) {
        Some(Some(carrier)) => Some(family_of_carrier(carrier)?),
        Some(None) => Some(AddressFamily::Ipv4),
        None => None,
    };
    let family = running.unwrap_or_else(|| address_family::of_next_start(facts));
    if family == wanted {
        return None;
    }
    let unreached = address_family::unreached(case.desired, facts, family);
    let first = unreached.first()?;
    let found = Finding::on(
        &seen.host.name,
        Cause::AddressFamily,
        format!("the node uses {family} between nodes, and names resolve to {wanted} only"),
    );
    let addresses = facts.resolution.get(*first).into_iter().flatten();
    let addresses: Vec<String> = addresses.map(ToString::to_string).collect();
    let found = found.seen(format!("on {}: {first} resolves to {}", seen.host.name, addresses.join(", ")));
    let set = address_family::astray(seen.host, facts);
    let found = match (set, running) {
        (Some(set), _) => found.seen(set.to_string()),
        (None, Some(_)) if address_family::of_next_start(facts) == wanted => found
            .seen(format!("its VM was started without -proto_dist inet6_tcp, which {ENV_FILE} has by now")),
        (None, _) => {
            found.seen(format!("neither {ENV_FILE} nor its unit sets -proto_dist, and Erlang then uses IPv4"))
        }
    };
    let is_written = set.is_none_or(|set| set.by == ENV_FILE && set.variable.ends_with(ERL_ARGS[0]));
    Some(match (wanted, set) {
        (AddressFamily::Ipv4, Some(set)) => {
            address_family::remedy(seen.host, facts, set).into_iter().fold(found, Finding::fix)
        }
        (AddressFamily::Ipv6, Some(set)) if !is_written => {
            address_family::remedy(seen.host, facts, set).into_iter().fold(found, Finding::fix)
        }
        (_, _) => found.fix(rabbitup("up")),
    })
}
