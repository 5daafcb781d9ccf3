use std::fmt;
use std::net::IpAddr;

/// An address with the length of its network's prefix: `192.168.0.40/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NetworkAddress {
    pub address: IpAddr,
    /// In bits: at most 32 for IPv4 and 128 for IPv6.
    pub prefix: u8,
}

/// Why a text is no address of a host in a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotInNetwork {
    NoPrefix,
    NoAddress,
    /// No number, or not one from 1 to this.
    BadPrefix(u8),
    /// The network's own address.
    Network,
    Broadcast,
}

impl NetworkAddress {
    /// # Errors
    /// See [`NotInNetwork`].
    pub fn parse(text: &str) -> Result<Self, NotInNetwork> {
        let (address, prefix) = text.split_once('/').ok_or(NotInNetwork::NoPrefix)?;
        let address: IpAddr = address.parse().map_err(|_| NotInNetwork::NoAddress)?;
        let most = bits(address);
        let prefix = prefix.parse().ok().filter(|prefix| (1..=most).contains(prefix));
        let prefix = prefix.ok_or(NotInNetwork::BadPrefix(most))?;
        let host = number(address) & !mask(prefix, most);
        // A network of two addresses has neither (RFC 3021, RFC 6164).
        if most - prefix > 1 && host == 0 {
            return Err(NotInNetwork::Network);
        }
        if address.is_ipv4() && most - prefix > 1 && host == !mask(prefix, most) & u128::from(u32::MAX) {
            return Err(NotInNetwork::Broadcast);
        }
        Ok(Self { address, prefix })
    }

    /// Whether another address is in its network.
    pub fn has(&self, other: IpAddr) -> bool {
        let most = bits(self.address);
        let of = |address| number(address) & mask(self.prefix, most);
        self.address.is_ipv4() == other.is_ipv4() && of(self.address) == of(other)
    }

    /// Whether its prefix names no network but itself: `/32`, `/128`.
    pub fn is_single(&self) -> bool {
        self.prefix == bits(self.address)
    }

    /// Its network: `192.168.0.0/24`.
    pub fn network(&self) -> String {
        let first = number(self.address) & mask(self.prefix, bits(self.address));
        let first: IpAddr = match u32::try_from(first) {
            Ok(first) if self.address.is_ipv4() => std::net::Ipv4Addr::from_bits(first).into(),
            _ => std::net::Ipv6Addr::from_bits(first).into(),
        };
        format!("{first}/{}", self.prefix)
    }
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The bits of a prefix.
fn mask(prefix: u8, most: u8) -> u128 {
    let below = 1u128.checked_shl(u32::from(most - prefix)).map_or(u128::MAX, |first| first - 1);
    !below
}

impl fmt::Display for NetworkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(text: &str) -> NetworkAddress {
        NetworkAddress::parse(text).expect("an address in a network")
    }

    #[test]
    fn an_address_has_its_network() {
        let at = good("192.168.0.40/23");
        let other = |text: &str| at.has(text.parse().expect("an address"));
        assert!(other("192.168.1.7") && !other("192.168.2.7") && !other("fd00::1"));
        assert_eq!((at.to_string().as_str(), at.network().as_str()), ("192.168.0.40/23", "192.168.0.0/23"));
        let at = good("fd00:7::40/64");
        assert!(
            at.has("fd00:7::1".parse().expect("an address")) && !at.has("192.168.0.1".parse().expect("one"))
        );
        assert_eq!(at.network(), "fd00:7::/64");
        assert!(good("10.0.0.4/32").is_single() && good("fd00::1/128").is_single() && !at.is_single());
        assert!(good("10.0.0.4/1").has("1.2.3.4".parse().expect("an address")));
    }

    #[test]
    fn what_no_host_can_have_is_refused() {
        let why = |text: &str| NetworkAddress::parse(text).expect_err(text);
        assert_eq!(why("192.168.0.40"), NotInNetwork::NoPrefix);
        assert_eq!(why("lb.example.com/24"), NotInNetwork::NoAddress);
        for text in ["192.168.0.40/33", "192.168.0.40/0", "192.168.0.40/", "192.168.0.40/x"] {
            assert_eq!(why(text), NotInNetwork::BadPrefix(32), "{text}");
        }
        assert_eq!(why("fd00::1/129"), NotInNetwork::BadPrefix(128));
        assert_eq!((why("192.168.0.0/24"), why("fd00::/64")), (NotInNetwork::Network, NotInNetwork::Network));
        assert_eq!(why("192.168.0.255/24"), NotInNetwork::Broadcast);
        for text in ["192.168.0.0/31", "192.168.0.255/32", "fd00::ffff/112", "10.0.1.0/16"] {
            assert!(NetworkAddress::parse(text).is_ok(), "{text}");
        }
    }
}
