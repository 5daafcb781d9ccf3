use std::net::IpAddr;

use super::Frames;
use crate::virtual_address::InterfaceAddress;

/// What a load balancer that shares an address says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VirtualAddressFacts {
    /// The addresses of its interfaces, in their order.
    pub addresses: Vec<InterfaceAddress>,
    /// The hardware addresses of its interfaces, as the kernel writes them.
    pub hardware: Vec<String>,
    /// What answered when it asked the network for the shared addresses: a host without the address sees one machine that has it, the
    /// host that has it another one.
    pub neighbours: Vec<Neighbour>,
    /// What keepalived's check says. None: it is not there, or did not end in time.
    pub check: Option<Verdict>,
}

/// An address of the network, and the hardware address that answered for it (ARP, NDP).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    pub address: IpAddr,
    pub hardware: String,
}

impl Neighbour {
    /// Reads `192.168.0.40 52:54:00:12:34:56`.
    fn parse(line: &str) -> Option<Self> {
        let (address, hardware) = line.split_once(' ')?;
        Some(Self { address: address.parse().ok()?, hardware: hardware_address(hardware)? })
    }
}

/// None for that of a loopback interface, which is no machine's, and for what is none.
fn hardware_address(text: &str) -> Option<String> {
    let is_plain = text.chars().all(|c| c.is_ascii_hexdigit() || c == ':');
    let is_anybody = text.chars().all(|c| c == '0' || c == ':');
    (is_plain && !is_anybody).then(|| text.to_owned())
}

/// What keepalived's check says of the balancer on its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passes,
    /// In its own words.
    Fails(String),
}

impl VirtualAddressFacts {
    /// Whether an interface has this address.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.at.address == address)
    }

    /// None if it was not looked up, or the host did not tell its addresses.
    pub(super) fn read(frames: &Frames) -> Option<Self> {
        let addresses: Vec<_> = frames.lines("addresses").filter_map(InterfaceAddress::parse).collect();
        if addresses.is_empty() {
            return None;
        }
        let check = frames.lines("address-check").next().and_then(|line| {
            let (code, said) = line.split_once(' ').unwrap_or((line, ""));
            match code {
                "0" => Some(Verdict::Passes),
                "1" => Some(Verdict::Fails(said.to_owned())),
                _ => None,
            }
        });
        let hardware = frames.lines("hardware").filter_map(hardware_address).collect();
        let neighbours = frames.lines("neighbours").filter_map(Neighbour::parse).collect();
        Some(Self { addresses, hardware, neighbours, check })
    }
}
