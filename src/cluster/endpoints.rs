//! Where brokers are reached: as they listen now where they run, else as they will by the inventory and their host's files.

use std::collections::BTreeSet;

use crate::balancer::Runtime;
use crate::facts::{Facts, HostFacts};
use crate::inventory::{Desired, Host};
use crate::rabbitmq::listeners::{Door, Endpoint, Listeners, Offered, Port, PortRange, Preamble};

/// As the inventory wants it, with what the host's rabbitmq-env.conf adds.
fn wanted(desired: &Desired, facts: &Facts, host: &Host) -> Listeners {
    desired.cluster.listeners(facts.host(&host.name).map(HostFacts::node_ports).unwrap_or_default())
}

fn in_effect<'f>(facts: &'f Facts, host: &Host) -> Option<&'f Listeners> {
    let listeners = &facts.host(&host.name)?.node()?.listeners;
    (!listeners.is_unknown()).then_some(listeners)
}

/// Where a load balancer reaches a broker. A management UI that does not run yet is where the inventory has it.
pub(crate) fn endpoint(desired: &Desired, facts: &Facts, host: &Host) -> Endpoint {
    completed(in_effect(facts, host), wanted(desired, facts, host).endpoint())
}

/// The same for a broker that starts with the files that are on its host.
pub(crate) fn endpoint_at_start(desired: &Desired, facts: &Facts, host: &Host) -> Endpoint {
    let at_start = facts.host(&host.name).and_then(HostFacts::listeners_at_start);
    completed(at_start.as_ref(), wanted(desired, facts, host).endpoint())
}

fn completed(listeners: Option<&Listeners>, wanted: Endpoint) -> Endpoint {
    let Some(now) = listeners.map(|listeners| listeners.endpoint_like(&wanted)) else { return wanted };
    Endpoint {
        amqp: now.amqp.or(wanted.amqp),
        path_prefix: if now.management.is_some() { now.path_prefix } else { wanted.path_prefix },
        management: now.management.or(wanted.management),
        offered: wanted.offered.into_iter().chain(now.offered).collect(),
    }
}

/// The port of a broker behind a backend of rabbitup's configuration; none for another backend.
pub(crate) fn port_behind(runtime: &Runtime, at: &Endpoint, backend: &str) -> Option<u16> {
    door_behind(runtime, at, backend).map(|door| door.port)
}

fn door_behind(runtime: &Runtime, at: &Endpoint, backend: &str) -> Option<Door> {
    let (backend, _) = way_of(runtime, backend);
    let door = |port: Port| Door { port: port.number, preamble: port.preamble };
    if backend == runtime.amqp {
        return at.amqp.map(door);
    }
    if backend == runtime.management {
        return at.management.map(door);
    }
    at.offered.get(&offered_behind(runtime, backend)?).copied()
}

/// What stands behind a backend of rabbitup's configuration that is one of the further listeners', which come and go with the inventory.
pub(crate) fn offered_behind(runtime: &Runtime, backend: &str) -> Option<Offered> {
    let (backend, _) = way_of(runtime, backend);
    Offered::ALL.into_iter().find(|offered| (runtime.offered)(offered.as_str()) == backend)
}

/// The backend's name without what marks it as one of a pair, and how its servers are connected to if it is one.
fn way_of<'b>(runtime: &Runtime, backend: &'b str) -> (&'b str, Preamble) {
    match backend.strip_suffix(runtime.proxied) {
        Some(plain) => (plain, Preamble::ProxyHeader),
        None => (backend, Preamble::Nothing),
    }
}

/// Whether a backend is the one of a pair that suits what the broker asks for; true for a backend without a pair. While brokers change to
/// the PROXY protocol or from it, one after the other, each is in both backends and used in one.
pub(crate) fn suits(
    runtime: &Runtime,
    at: &Endpoint,
    backend: &str,
    is_there: impl Fn(&str) -> bool,
) -> bool {
    let (plain, way) = way_of(runtime, backend);
    let has_pair = way == Preamble::ProxyHeader || is_there(&format!("{plain}{}", runtime.proxied));
    !has_pair || door_behind(runtime, at, plain).is_none_or(|door| door.preamble == way)
}

/// The ports from which a node takes one for its connections with other nodes: the one in effect first, then the inventory's.
pub(crate) fn distribution(desired: &Desired, facts: &Facts, host: &Host) -> Vec<PortRange> {
    let now = in_effect(facts, host).and_then(Listeners::distribution);
    let then = wanted(desired, facts, host).distribution();
    let mut ranges: Vec<PortRange> = now.into_iter().chain(then).collect();
    ranges.dedup();
    ranges
}

/// The ports on which a broker serves clients, now or by the inventory. Clients of a node that restarts elsewhere come until then.
pub(crate) fn clients(desired: &Desired, facts: &Facts, host: &Host) -> BTreeSet<u16> {
    let wanted = wanted(desired, facts, host);
    let mut ports = wanted.clients();
    ports.extend(in_effect(facts, host).map(Listeners::clients).unwrap_or_default());
    let both = [Some(&wanted), in_effect(facts, host)].into_iter().flatten().map(Listeners::endpoint);
    let offered: Vec<_> = both.map(|endpoint| endpoint.offered).collect();
    for listener in desired.load_balancer.iter().flat_map(|balancer| &balancer.listeners) {
        ports.extend(offered.iter().filter_map(|doors| Some(doors.get(&listener.serves)?.port)));
    }
    ports
}
