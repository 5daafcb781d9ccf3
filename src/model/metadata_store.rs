use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a cluster stores its metadata: queues, bindings, virtual hosts, users, policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetadataStore {
    Mnesia,
    /// A Raft store, so a majority of the members must run. Experimental in 3.13, optional since 4.0, the only one since 4.3.
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
