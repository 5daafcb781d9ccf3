//! What is judged of a cluster, from facts and desired state alone: who is a member, who runs, who disagrees, what is healthy.
//! The planner, doctor and status ask here; nothing is planned and nothing is drawn.

pub(crate) mod health;
pub(crate) mod phrases;
pub(crate) mod unreachable;
pub(crate) mod view;

pub use health::{Finding, Severity, WAIT_FOR_IT, access, advised, health, is_healthy};
pub use view::anchor;
