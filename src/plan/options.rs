use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::{DigestKey, HostName};
use crate::playbook::Arguments;

/// What the command line adds to the inventory.
#[derive(Clone, Debug)]
pub struct Options {
    pub limit: Limit,
    /// The brokers whose own data a join may destroy (`--destroy-data`).
    pub destroy_data: BTreeSet<HostName>,
    pub digest_key: DigestKey,
    /// The playbook's values.
    pub arguments: Arguments,
    pub unknown_members: UnknownMembers,
    /// This very request as a command line without `--prune`, for advice to quote.
    pub command: String,
    pub pass: Pass,
}

impl Options {
    /// Nothing asked for but what the inventory says.
    pub fn new(digest_key: DigestKey) -> Self {
        Self {
            limit: Limit::All,
            destroy_data: BTreeSet::new(),
            digest_key,
            arguments: Arguments::default(),
            unknown_members: UnknownMembers::Report,
            command: "rabbitup up".to_owned(),
            pass: Pass::Before,
        }
    }
}

/// What becomes of members that the inventory does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownMembers {
    Report,
    /// `--prune`: they leave the cluster, if they are no more than so many. A view of the cluster that is wrong (an
    /// inventory of another cluster, hosts that were left out by mistake) makes many.
    Remove {
        at_most: u64,
    },
}

/// When a plan is made. What a playbook does once each time it is called (a restart, a new cookie) is not to be done
/// again by the plan that verifies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Nothing has been done yet.
    Before,
    /// After a run that began so long ago.
    After(Duration),
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
