//! The state of a cluster, derived from facts and desired state: members, running nodes, disagreements, health.
//! Used by the planner, doctor and status; it does no planning and no presentation.

pub mod health;
pub mod phrases;
pub mod unreachable;
pub mod view;

pub use health::{Finding, Severity, access, advised, health, is_healthy};
