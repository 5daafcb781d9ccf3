use std::collections::BTreeSet;

use crate::model::{DigestKey, HostName};

/// What the command line adds to the inventory.
#[derive(Clone, Debug)]
pub struct Options {
    pub limit: Limit,
    /// The brokers whose own data a join may destroy (`--destroy-data`).
    pub destroy_data: BTreeSet<HostName>,
    pub digest_key: DigestKey,
}

/// Which hosts may be changed. All are looked at in any case: membership is what all nodes say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limit {
    All,
    Only(BTreeSet<HostName>),
}

impl Limit {
    pub fn covers(&self, host: &HostName) -> bool {
        match self {
            Self::All => true,
            Self::Only(hosts) => hosts.contains(host),
        }
    }
}
