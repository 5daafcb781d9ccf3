//! Which ports the hosts of an inventory need of each other, and clients of them.

use std::collections::BTreeSet;

use crate::cluster::endpoints::{clients as clients_of, distribution};
use crate::facts::Facts;
use crate::firewall::{Opening, Ports, Protocol, Source};
use crate::inventory::{Desired, Host};
use crate::model::Role;
use crate::rabbitmq::listeners::{EPMD, PortRange, TOOLS};

/// What a host has to let in, by its roles.
pub fn needed(desired: &Desired, facts: &Facts, host: &Host) -> BTreeSet<Opening> {
    let mut needed = BTreeSet::new();
    // A node that leaves is a member until it has left.
    if host.has(Role::Broker) {
        needed.extend(of_broker(desired, facts, host));
    }
    if host.has(Role::LoadBalancer) {
        needed.extend(of_load_balancer(desired));
        let shares = desired.load_balancer.as_ref().is_some_and(|balancer| balancer.vip.is_some());
        if shares {
            needed.extend(others(desired, host, |other| other.has(Role::LoadBalancer)).map(Opening::vrrp));
        }
    }
    if host.has(Role::TimeSource) && desired.time.manage {
        let ntp = |from| Opening { ports: Ports::one(NTP), protocol: Protocol::Udp, from };
        needed.extend(others(desired, host, |_| true).map(ntp));
    }
    let everywhere =
        |opening: &Opening| needed.contains(&Opening { from: Source::Everywhere, ..opening.clone() });
    needed
        .iter()
        .filter(|opening| opening.from == Source::Everywhere || !everywhere(opening))
        .cloned()
        .collect()
}

/// RFC 5905.
const NTP: u16 = 123;

/// Members need epmd and the distribution ports of each other, and their command-line tools get answers on ports of their own
/// (rabbitmq.com/docs/networking, "Ports Used by RabbitMQ"). Clients come through the load balancers, if there are any. Until a
/// node has restarted it listens where it does now, so that port stays open with the one to be.
fn of_broker(desired: &Desired, facts: &Facts, host: &Host) -> Vec<Opening> {
    let mut found = Vec::new();
    let between = [PortRange { first: EPMD, last: EPMD }, TOOLS].into_iter();
    let between: Vec<PortRange> = between.chain(distribution(desired, facts, host)).collect();
    for from in others(desired, host, |other| other.has(Role::Broker)) {
        let ports = between.iter().map(|range| Ports { first: range.first, last: range.last });
        found.extend(ports.map(|ports| Opening { ports, protocol: Protocol::Tcp, from }));
    }
    let clients: Vec<Source> = if desired.with_role(Role::LoadBalancer).next().is_some() {
        others(desired, host, |other| other.has(Role::LoadBalancer)).collect()
    } else {
        vec![Source::Everywhere]
    };
    for port in clients_of(desired, facts, host) {
        found.extend(clients.iter().map(|from| Opening::tcp(port, *from)));
    }
    found
}

fn of_load_balancer(desired: &Desired) -> Vec<Opening> {
    let Some(balancer) = &desired.load_balancer else { return Vec::new() };
    // Without a login the page listens on the loopback address.
    let stats = balancer.stats.as_ref().filter(|stats| stats.user.is_some()).map(|stats| stats.port);
    let open = [Some(balancer.amqp_port), balancer.management_port, stats];
    let more = balancer.listeners.iter().map(|listener| listener.port);
    open.into_iter().flatten().chain(more).map(|port| Opening::tcp(port, Source::Everywhere)).collect()
}

/// The addresses of the other hosts of a kind.
fn others<'d>(
    desired: &'d Desired,
    host: &'d Host,
    kind: impl Fn(&Host) -> bool + 'd,
) -> impl Iterator<Item = Source> + 'd {
    let wanted = move |other: &&Host| other.name != host.name && kind(other);
    desired.hosts.iter().filter(wanted).map(|other| Source::Address(other.address))
}
