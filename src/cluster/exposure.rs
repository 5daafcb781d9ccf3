//! Ports that the cluster needs for itself, and others can reach.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::endpoints::{distribution, endpoint};
use super::health::{Finding, Severity};
use super::phrases::{grouped, listed, whole};
use crate::facts::Facts;
use crate::inventory::Desired;
use crate::model::{HostName, Next, Problem, Role};
use crate::rabbitmq::listeners::{EPMD, PortRange, Security};

/// A port of a broker that only the cluster's own hosts need, at an address that this machine can try.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InnerPort {
    pub host: HostName,
    pub at: SocketAddr,
    pub serves: Inner,
}

/// What an inner port serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Inner {
    Epmd,
    Distribution,
    /// Without TLS. With a load balancer its users come from there.
    ManagementUi,
}

impl Inner {
    /// In a message.
    fn in_words(self) -> &'static str {
        match self {
            Self::Epmd => "epmd",
            Self::Distribution => "Erlang distribution",
            Self::ManagementUi => "the management UI without TLS",
        }
    }
}

/// The inner ports, as the brokers listen by these facts, else as the inventory has them. Only at addresses that ssh connects to without a
/// detour: behind a jump host, an address of the inventory may be any machine's in the network of this one.
pub fn inner_ports(desired: &Desired, facts: &Facts) -> BTreeSet<InnerPort> {
    let mut ports = BTreeSet::new();
    for host in desired.brokers() {
        let direct = host.ssh.jump.is_none().then(|| host.ssh.destination.parse::<IpAddr>().ok()).flatten();
        let Some(address) = direct.filter(|address| !address.is_loopback()) else { continue };
        // Of a range nobody knows which port a node takes.
        let distribution = distribution(desired, facts, host).into_iter().next().and_then(PortRange::single);
        let ui = endpoint(desired, facts, host).management.filter(|ui| ui.security == Security::Plain);
        // Without a load balancer people have to reach it; over the internet, not without TLS.
        let ui = ui.filter(|_| desired.with_role(Role::LoadBalancer).next().is_some() || is_public(address));
        let all = [
            (Some(EPMD), Inner::Epmd),
            (distribution, Inner::Distribution),
            (ui.map(|ui| ui.number), Inner::ManagementUi),
        ];
        let known = all.into_iter().filter_map(|(port, serves)| Some((port?, serves)));
        ports.extend(known.map(|(port, serves)| InnerPort {
            host: host.name.clone(),
            at: SocketAddr::new(address, port),
            serves,
        }));
    }
    ports
}

/// What is wrong if this machine, which is no host of the inventory, can connect to these ports. In a private network it is a note of one
/// line: many are closed to others by what is around them.
pub fn exposure(open: &BTreeSet<InnerPort>) -> Vec<Finding> {
    let hosts = grouped(open.iter().map(|port| ((&port.host, port.at.ip()), port)));
    let finding = |((host, address), ports): ((&HostName, IpAddr), Vec<&InnerPort>)| {
        let evidence = format!(
            "this machine, which is no host of the inventory, connects to {address}: {}",
            kinds(&ports)
        );
        let (severity, what, next) = if is_public(address) {
            let what = format!("{} are open to outsiders at a public address", kinds(&ports));
            (Severity::Warning, what, way_out(&ports))
        } else {
            let numbers: Vec<u16> = ports.iter().map(|port| port.at.port()).collect();
            let what = format!("ports {} are open to outsiders: docs/firewall.md", whole(&numbers));
            (Severity::Note, what, Next::default())
        };
        Finding { severity, problem: Problem::new(what, evidence, next).on(host) }
    };
    hosts.into_iter().map(finding).collect()
}

/// `epmd (4369) and Erlang distribution (25672)`.
fn kinds(open: &[&InnerPort]) -> String {
    let kinds: BTreeSet<Inner> = open.iter().map(|port| port.serves).collect();
    let named = kinds.into_iter().map(|kind| {
        let of = open.iter().filter(|port| port.serves == kind);
        let ports: BTreeSet<u16> = of.map(|port| port.at.port()).collect();
        format!("{} ({})", kind.in_words(), listed(ports))
    });
    listed(named)
}

fn way_out(open: &[&InnerPort]) -> Next {
    let next = Next::say(
        "close what only the cluster needs: by a firewall in front of the hosts, or one on them that drops by default, in which \
         `[firewall] manage = true` opens the cluster's ports to its hosts; docs/firewall.md has more ways",
    );
    if open.iter().any(|port| port.serves == Inner::ManagementUi) {
        return next.also(
            "passwords for the management UI cross the network readably: let it listen with TLS only (management.ssl.* in \
             [cluster.config])",
        );
    }
    next
}

/// Whether hosts of the internet can have a route to it (the registries of RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && (64..128).contains(&second);
            let benchmark = first == 198 && (18..20).contains(&second);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_documentation()
                || v4.is_unspecified()
                || shared
                || benchmark)
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public(v4.into()),
            // 2000::/3 is what is assigned (RFC 4291, 2.4); of it, 2001:db8::/32 is for documentation.
            None => v6.segments()[0] & 0xe000 == 0x2000 && v6.segments()[..2] != [0x2001, 0xdb8],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_ones_own_are_not_public() {
        let public = |text: &str| is_public(text.parse().expect("an address"));
        for text in
            ["10.77.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.1.1", "fd00::1", "fe80::1"]
        {
            assert!(!public(text), "{text}");
        }
        for text in ["8.8.8.8", "100.128.0.1", "172.32.0.1", "2a00:1450::1", "::ffff:8.8.8.8"] {
            assert!(public(text), "{text}");
        }
    }
}
