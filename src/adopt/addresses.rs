//! At which addresses hosts reach each other, and how ssh reaches them from here.

use std::net::IpAddr;

use super::Login;
use crate::facts::HostFacts;
use crate::model::HostName;

/// The address of a host by the resolvers of these others: the one that most of them have.
pub(crate) fn address_of<'f>(name: &HostName, others: impl Iterator<Item = &'f HostFacts>) -> Option<IpAddr> {
    let mut votes: Vec<(IpAddr, usize)> = Vec::new();
    for address in others.filter_map(|facts| resolved(name, facts)) {
        match votes.iter_mut().find(|(known, _)| *known == address) {
            Some((_, count)) => *count += 1,
            None => votes.push((address, 1)),
        }
    }
    let most = votes.iter().map(|(_, count)| *count).max()?;
    votes.into_iter().find(|(_, count)| *count == most).map(|(address, _)| address)
}

/// The address of a host as it knows it itself: by its resolver, unless that has its own name on a loopback address; else the one at
/// which the operator reached it, if it is on an interface; else the only one of its interfaces.
pub(crate) fn own_address(name: &HostName, facts: &HostFacts, login: &Login) -> Option<IpAddr> {
    let interfaces: Vec<IpAddr> =
        facts.virtual_address.iter().flat_map(|seen| &seen.addresses).map(|own| own.at.address).collect();
    let typed = login.address().filter(|address| interfaces.contains(address));
    let usable: Vec<IpAddr> = interfaces.iter().copied().filter(|address| is_reachable(*address)).collect();
    let ipv4 = usable.iter().copied().find(IpAddr::is_ipv4);
    resolved(name, facts).or(typed).or(ipv4).or(usable.first().copied()).or(login.address())
}

/// What a resolver makes of a name, for nodes: they use IPv4, unless they are told otherwise.
fn resolved(name: &HostName, facts: &HostFacts) -> Option<IpAddr> {
    let found = facts.resolution.get(name)?;
    let usable = || found.iter().copied().filter(|address| is_reachable(*address));
    let by_ipv6 = facts.environment.settings.values().any(|set| set.value.contains("inet6_tcp"));
    usable().find(|address| address.is_ipv4() != by_ipv6).or_else(|| usable().next())
}

/// Whether another host can connect to it.
fn is_reachable(address: IpAddr) -> bool {
    let is_link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !(address.is_loopback() || address.is_unspecified() || address.is_multicast() || is_link_local)
}

/// What ssh may connect to for another member, the likeliest first; None is its address. Where the first one was reached by a name, its
/// ssh configuration (a jump host, a login) probably goes by names, too.
pub(crate) fn routes(login: &Login, first: &HostName, other: &HostName) -> Vec<Option<String>> {
    let by_name = Some(other.to_string());
    if login.address().is_some() {
        return vec![None, by_name];
    }
    // prod-node1.example.com leads to prod-node2.example.com.
    let (typed, short) = (login.destination.as_str(), first.short());
    let alike = typed.contains(short).then(|| typed.replacen(short, other.short(), 1));
    let mut routes = vec![alike, by_name];
    routes.dedup();
    routes.retain(Option::is_some);
    routes.push(None);
    routes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_others_are_reached_as_the_first_one() {
        let name = |text: &str| HostName::parse(text).expect("a host name");
        let routes = |typed: &str, first: &str, other: &str| {
            let login: Login = typed.parse().expect("a login");
            let routes = routes(&login, &name(first), &name(other));
            routes.into_iter().map(|route| route.unwrap_or("ADDRESS".to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(routes("10.0.0.1", "node1", "node2"), ["ADDRESS", "node2"]);
        assert_eq!(routes("ops@node1", "node1", "node2"), ["node2", "ADDRESS"]);
        assert_eq!(routes("prod-node1.lan", "node1", "node2"), ["prod-node2.lan", "node2", "ADDRESS"]);
        assert_eq!(routes("broker", "node1", "node2"), ["node2", "ADDRESS"]);
        assert_eq!(routes("node1.lan", "node1.lan", "node2.lan"), ["node2.lan", "ADDRESS"]);
    }
}
