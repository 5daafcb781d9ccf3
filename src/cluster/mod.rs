//! What is judged of a cluster, from facts and desired state alone: who is a member, who runs, who disagrees, what is healthy.
//! The planner, doctor and status ask here; nothing is planned and nothing is drawn.

pub mod health;
pub mod phrases;
pub mod unreachable;
pub mod view;

pub use health::{Finding, Severity, access, advised, health, is_healthy};
