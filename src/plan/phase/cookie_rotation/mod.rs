//! The phases `rotate-cookie` and `settle-cookie`: one machine, whose state is read from the nodes and never from a journal.

pub(super) mod rotate;
pub(super) mod settle;
mod state;
