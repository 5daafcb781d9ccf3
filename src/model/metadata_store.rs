use serde::{Deserialize, Serialize};

/// Where a cluster keeps what its nodes have in common: queues, bindings, virtual hosts, users, policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetadataStore {
    Mnesia,
    /// A Raft store, so a majority of the members must run. Experimental in 3.13, optional from 4.0 on, the only one from
    /// 4.3 on.
    Khepri,
}
