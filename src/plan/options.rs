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
    /// The command line of this run without `--prune`, quoted in advice.
    pub command: String,
    pub pass: Pass,
}

impl Options {
    /// Only what the inventory asks for.
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

/// What to do with members that are not in the inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownMembers {
    Report,
    /// `--prune`: remove them, but at most this many. A mistake (an
    /// inventory of another cluster, hosts that are missing) shows as many unknown members.
    Remove {
        at_most: u64,
    },
}

/// Which pass a plan is for. What a playbook does once per call (a restart, a new cookie) must not be done
/// again by the plan that verifies the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Nothing has been done yet.
    Before,
    /// After a run that began this long ago.
    After(Duration),
}

/// Which hosts may be changed. All are always inspected: membership is what all nodes report.
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
