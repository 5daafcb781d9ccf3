use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a cluster keeps what its nodes have in common: queues, bindings, virtual hosts, users, policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetadataStore {
    Mnesia,
    /// A Raft store, so a majority of the members must run. Experimental in 3.13, optional from 4.0 on, the only one from
    /// 4.3 on.
    Khepri,
}

impl fmt::Display for MetadataStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mnesia => "Mnesia",
            Self::Khepri => "Khepri",
        })
    }
}
