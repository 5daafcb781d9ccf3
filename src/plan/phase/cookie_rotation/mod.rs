//! The phases `rotate-cookie` and `settle-cookie`: one state machine; its state is read from the nodes, never from a journal.

pub(super) mod rotate;
pub(super) mod settle;
mod state;
