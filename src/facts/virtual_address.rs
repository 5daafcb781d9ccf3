use std::net::IpAddr;

use super::Frames;
use crate::virtual_address::InterfaceAddress;

/// What a load balancer that shares an address says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VirtualAddressFacts {
    /// The addresses of its interfaces, in their order.
    pub addresses: Vec<InterfaceAddress>,
    /// What keepalived's check says. None: it is not there, or did not end in time.
    pub check: Option<Verdict>,
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
        Some(Self { addresses, check })
    }
}
