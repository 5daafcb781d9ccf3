use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Ports of a host that accept connections or datagrams from a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Opening {
    pub ports: Ports,
    pub protocol: Protocol,
    pub from: Source,
}

/// One port, or several in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ports {
    pub first: u16,
    pub last: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    Tcp,
    Udp,
    /// IP protocol 112, which has no ports ([`Ports::NONE`]).
    Vrrp,
}

/// Who may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Everywhere,
    Address(IpAddr),
}

/// The addresses that a rule or a chain is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    Both,
    V4,
    V6,
}

impl Opening {
    pub fn tcp(port: u16, from: Source) -> Self {
        Self { ports: Ports::one(port), protocol: Protocol::Tcp, from }
    }

    pub fn vrrp(from: Source) -> Self {
        Self { ports: Ports::NONE, protocol: Protocol::Vrrp, from }
    }

    /// Whether packets that this lets in pass a filter of this family of addresses.
    pub fn passes(&self, filter: Family) -> bool {
        match (filter, self.from) {
            (Family::Both, _) | (_, Source::Everywhere) => true,
            (Family::V4, Source::Address(address)) => address.is_ipv4(),
            (Family::V6, Source::Address(address)) => address.is_ipv6(),
        }
    }

    /// Whether a connection from this address to this TCP port is let in.
    pub fn lets_in(&self, address: IpAddr, port: u16) -> bool {
        let from = match self.from {
            Source::Everywhere => true,
            Source::Address(own) => own == address,
        };
        from && self.protocol == Protocol::Tcp && (self.ports.first..=self.ports.last).contains(&port)
    }
}

impl Ports {
    /// Of a protocol without ports.
    pub const NONE: Self = Self { first: 0, last: 0 };

    pub fn one(port: u16) -> Self {
        Self { first: port, last: port }
    }

    /// `5672`, or `35672-35682` with this separator.
    pub(super) fn text(self, separator: char) -> String {
        if self.first == self.last {
            self.first.to_string()
        } else {
            format!("{}{separator}{}", self.first, self.last)
        }
    }

    /// The same from text.
    pub(super) fn parse(text: &str, separator: char) -> Option<Self> {
        let (first, last) = text.split_once(separator).unwrap_or((text, text));
        let ports = Self { first: first.parse().ok()?, last: last.parse().ok()? };
        (ports.first <= ports.last).then_some(ports)
    }
}

impl Protocol {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Vrrp => "vrrp",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        // A system without /etc/protocols has numbers only.
        let word = if word == "112" { "vrrp" } else { word };
        [Self::Tcp, Self::Udp, Self::Vrrp].into_iter().find(|protocol| protocol.as_str() == word)
    }

    /// Whether its packets are for a port.
    pub(super) fn has_ports(self) -> bool {
        match self {
            Self::Tcp | Self::Udp => true,
            Self::Vrrp => false,
        }
    }
}

/// `4369/tcp from 192.168.0.42`, as the plan shows it.
impl std::fmt::Display for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let from = match self.from {
            Source::Everywhere => "everywhere".to_owned(),
            Source::Address(address) => address.to_string(),
        };
        if self.protocol.has_ports() {
            write!(f, "{}/", self.ports.text('-'))?;
        }
        write!(f, "{} from {from}", self.protocol.as_str())
    }
}
