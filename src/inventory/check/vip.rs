use std::net::IpAddr;
use std::ops::Range;

use super::Checker;
use crate::document::{At, Problem, listed};
use crate::inventory::Vip;
use crate::inventory::raw::{RawHost, RawLoadBalancer};
use crate::model::Role;
use crate::virtual_address::{NetworkAddress, NotInNetwork, router_id};

/// The longest name of an interface (IFNAMSIZ).
const LONGEST_INTERFACE: usize = 15;

impl Checker<'_> {
    /// The address that the load balancers share.
    pub(super) fn vip(&mut self, raw: &RawLoadBalancer, hosts: &[At<RawHost>]) -> Option<Vip> {
        let interface = raw.interface.as_ref().and_then(|name| self.interface(name));
        let Some(given) = raw.vip.as_ref() else {
            let spans = [
                raw.interface.as_ref().map(|at| ("interface", &at.span)),
                raw.router_id.as_ref().map(|at| ("router_id", &at.span)),
            ];
            for (key, span) in spans.into_iter().flatten() {
                self.warn(
                    format!("`{key}` is set, but there is no vip"),
                    span,
                    "this has no effect",
                    "add vip = \"192.168.0.40/24\", or remove it",
                );
            }
            return None;
        };
        let balancers: Vec<&At<RawHost>> = hosts
            .iter()
            .filter(|host| host.roles.iter().any(|role| role.value == Role::LoadBalancer))
            .collect();
        let mut known: Vec<(NetworkAddress, &Range<usize>)> = Vec::new();
        for text in &given.0 {
            let Some(at) = self.network_address(text) else { continue };
            if let Some((_, first)) = known.iter().find(|(other, _)| other.address == at.address) {
                self.problems.push(
                    Problem::error(format!("the vip `{}` is there twice", at.address))
                        .at(self.source, (*first).clone(), "first here")
                        .at(self.source, text.span.clone(), "again here")
                        .hint("remove one of them"),
                );
                continue;
            }
            self.is_free(at, &text.span, hosts);
            if interface.is_none() {
                self.is_near(at, &text.span, &balancers);
            }
            known.push((at, &text.span));
        }
        let first = *known.first()?;
        self.of_one_family(&known, &balancers);
        self.is_listened_on(raw);
        if let [only] = balancers.as_slice() {
            self.warn(
                format!("`{}` is the only load balancer: nothing takes the vip over", *only.name),
                first.1,
                "it works, and moves nowhere",
                "give a second host roles = [\"load-balancer\"]",
            );
        }
        let router_id = raw.router_id.as_ref().map_or_else(|| router_id(first.0.address), |id| id.value);
        Some(Vip { addresses: known.into_iter().map(|(at, _)| at).collect(), interface, router_id })
    }

    /// A load balancer cannot bind an address that another host has, and one that binds others does not hear clients of the vip.
    fn is_listened_on(&mut self, raw: &RawLoadBalancer) {
        let bound = raw.bind.iter().flatten().find(|address| !address.value.is_unspecified());
        if let Some(address) = bound {
            self.error(
                "the load balancers listen on certain addresses only, and the vip moves from one to another",
                &address.span,
                "only here",
                "leave `bind` out: what listens on all addresses has the vip when it comes; a firewall can limit who connects",
            );
        }
    }

    fn network_address(&mut self, text: &At<String>) -> Option<NetworkAddress> {
        let shown: String = text.chars().take(60).collect();
        let example = "write the address and the length of its network's prefix: \"192.168.0.40/24\"";
        let (message, hint) = match NetworkAddress::parse(text) {
            Ok(at) => return self.can_be_shared(at.address, &text.span).then_some(at),
            Err(NotInNetwork::NoPrefix) => (format!("the vip `{shown}` has no prefix"), example.to_owned()),
            Err(NotInNetwork::NoAddress) => {
                (format!("the vip `{shown}` is not an IP address"), example.to_owned())
            }
            Err(NotInNetwork::BadPrefix(most)) => (
                format!("the prefix of the vip `{shown}` makes no sense"),
                format!(
                    "its length is 1 to {most}, as the hosts of that network have it: \"/{}\"",
                    if most == 32 { 24 } else { 64 }
                ),
            ),
            Err(NotInNetwork::Network) => (
                format!("`{shown}` is the address of the network itself"),
                "choose an address of a host in it".to_owned(),
            ),
            Err(NotInNetwork::Broadcast) => (
                format!("`{shown}` is the network's broadcast address"),
                "choose an address of a host in it".to_owned(),
            ),
        };
        self.error(message, &text.span, "here", hint);
        None
    }

    fn can_be_shared(&mut self, address: IpAddr, span: &Range<usize>) -> bool {
        let why = match address {
            _ if address.is_loopback() => "a loopback address",
            _ if address.is_unspecified() => "the unspecified address",
            _ if address.is_multicast() => "a multicast address",
            IpAddr::V6(v6) if v6.is_unicast_link_local() => "a link-local address, which clients cannot use",
            _ => return true,
        };
        self.error(
            format!("the vip `{address}` is {why}"),
            span,
            "here",
            "choose an address that clients reach",
        );
        false
    }

    /// Nobody else may have it.
    fn is_free(&mut self, at: NetworkAddress, span: &Range<usize>, hosts: &[At<RawHost>]) {
        let has = |host: &&At<RawHost>| host.address.parse::<IpAddr>() == Ok(at.address);
        let Some(host) = hosts.iter().find(has) else { return };
        self.problems.push(
            Problem::error(format!("the vip `{}` is the address of `{}`", at.address, *host.name))
                .at(self.source, host.address.span.clone(), "this host's own")
                .at(self.source, span.clone(), "here")
                .hint("choose an address that no host has: it moves from one load balancer to another"),
        );
    }

    /// As far as prefix and addresses tell. A single address (`/32`) says nothing about its network.
    fn is_near(&mut self, at: NetworkAddress, span: &Range<usize>, balancers: &[&At<RawHost>]) {
        let addresses = balancers.iter().filter_map(|host| host.address.parse::<IpAddr>().ok());
        let same: Vec<IpAddr> = addresses.filter(|own| own.is_ipv4() == at.address.is_ipv4()).collect();
        if at.is_single() || same.is_empty() || same.iter().any(|own| at.has(*own)) {
            return;
        }
        self.error(
            format!("the vip `{at}` is in no load balancer's network"),
            span,
            &format!("in {}, and the load balancers have {}", at.network(), listed(same.iter().map(ToString::to_string), "and")),
            "correct the address or its prefix; if the load balancers have a second interface in that network, name it: interface = \"eth1\"",
        );
    }

    /// Load balancers find each other at their own addresses, and VRRP is for addresses of the same family. Others go along.
    fn of_one_family(&mut self, vips: &[(NetworkAddress, &Range<usize>)], balancers: &[&At<RawHost>]) {
        let own = |host: &At<RawHost>| host.address.parse::<IpAddr>().ok();
        let Some((first, address)) = balancers.iter().find_map(|host| Some((host, own(host)?))) else {
            return;
        };
        let other =
            balancers.iter().find(|host| own(host).is_some_and(|own| own.is_ipv4() != address.is_ipv4()));
        if let Some(other) = other {
            self.problems.push(
                Problem::error(format!(
                    "`{}` and `{}` have addresses of different kinds, so they cannot agree who holds the vip",
                    *first.name, *other.name
                ))
                .at(self.source, first.address.span.clone(), "one here")
                .at(self.source, other.address.span.clone(), "the other here")
                .hint("write IPv4 addresses for all load balancers, or IPv6 addresses for all"),
            );
            return;
        }
        if vips.iter().any(|(at, _)| at.address.is_ipv4() == address.is_ipv4()) {
            return;
        }
        let Some((at, span)) = vips.first() else { return };
        let (own, theirs) = if address.is_ipv4() { ("IPv4", "IPv6") } else { ("IPv6", "IPv4") };
        self.error(
            format!(
                "the vip `{}` is an {theirs} address, and the load balancers have {own} addresses",
                at.address
            ),
            span,
            "no other one here",
            format!("list an {own} address as well, vip = [\"…\", \"{at}\"]: the two move together"),
        );
    }

    fn interface(&mut self, name: &At<String>) -> Option<String> {
        let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.is_empty() || name.len() > LONGEST_INTERFACE || !name.chars().all(good) {
            self.error(
                "this cannot be the name of an interface",
                &name.span,
                "here",
                format!(
                    "as `ip link` shows it: \"eth0\", \"bond0.12\"; at most {LONGEST_INTERFACE} characters"
                ),
            );
            return None;
        }
        Some(name.value.clone())
    }
}
