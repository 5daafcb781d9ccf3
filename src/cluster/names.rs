//! What names resolve to.

use std::net::IpAddr;

use crate::facts::HostFacts;
use crate::model::HostName;

/// Whether the name resolves to its address on this host, and to no other.
pub fn resolves(facts: &HostFacts, name: &HostName, own: IpAddr) -> bool {
    facts.resolution.get(name).is_some_and(|found| !found.is_empty() && elsewhere(found, own).is_none())
}

/// An address that a name resolves to and that is not its own. With a second address of the same family, which one is used depends
/// on the caller: getaddrinfo(3) sorts them, gethostbyname(3) does not. An address of only the other family is wrong, too.
pub fn elsewhere(found: &[IpAddr], own: IpAddr) -> Option<IpAddr> {
    let of_family = |address: &&IpAddr| address.is_ipv4() == own.is_ipv4();
    match found.iter().filter(of_family).count() {
        0 => found.first().copied(),
        _ => found.iter().filter(of_family).find(|address| **address != own).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_address_of_the_same_family_leads_astray() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let (own, other, six) = (address("10.0.0.1"), address("10.9.9.9"), address("fd00::1"));
        assert_eq!(elsewhere(&[own], own), None);
        assert_eq!(elsewhere(&[own, six], own), None);
        assert_eq!(elsewhere(&[own, other], own), Some(other));
        assert_eq!(elsewhere(&[six], own), Some(six));
        assert_eq!(elsewhere(&[], own), None);
    }
}
