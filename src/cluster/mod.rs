//! The state of a cluster, derived from facts and desired state: members, running nodes, disagreements, health.
//! Used by the planner, doctor and status; it does no planning and no presentation.

pub(crate) mod endpoints;
pub(crate) mod health;
pub(crate) mod phrases;
pub(crate) mod unreachable;
pub(crate) mod view;

pub use health::{Finding, Severity, WAIT_FOR_IT, access, advised, health, is_healthy};
pub use view::anchor;
