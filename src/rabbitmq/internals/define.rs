//! The definitions that questions share.

use super::Definition;

pub(super) const KHEPRI: Definition = Definition { name: "Khepri", text: include_str!("define/khepri.erl") };
pub(super) const MEMBERS: Definition =
    Definition { name: "Members", text: include_str!("define/members.erl") };
pub(super) const RUNNING: Definition =
    Definition { name: "Running", text: include_str!("define/running.erl") };
pub(super) const VHOSTS: Definition = Definition { name: "Vhosts", text: include_str!("define/vhosts.erl") };
pub(super) const REPLICAS: Definition =
    Definition { name: "Replicas", text: include_str!("define/replicas.erl") };
pub(super) const LEADER_INDEX: Definition =
    Definition { name: "LeaderIndex", text: include_str!("define/leader_index.erl") };
pub(super) const SECOND_TABLE: Definition =
    Definition { name: "DurableNames, DurableOf", text: include_str!("define/second_table.erl") };
pub(super) const COUNTED: Definition =
    Definition { name: "Counted", text: include_str!("define/counted.erl") };
pub(super) const ONLY_COPIES: Definition =
    Definition { name: "Only, Counts, Open", text: include_str!("define/only_copies.erl") };
pub(super) const UNTOLD: Definition = Definition { name: "Untold", text: include_str!("define/untold.erl") };

/// All of them.
#[cfg(test)]
pub(super) const ALL: &[Definition] =
    &[KHEPRI, MEMBERS, RUNNING, VHOSTS, REPLICAS, LEADER_INDEX, SECOND_TABLE, COUNTED, ONLY_COPIES];
