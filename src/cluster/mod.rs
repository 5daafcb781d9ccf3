//! The state of a cluster, derived from facts and desired state: members, running nodes, disagreements, health.
//! Used by the planner, doctor and status; it does no planning and no presentation.

pub(crate) mod address_family;
pub(crate) mod claim;
pub(crate) mod endpoints;
pub(crate) mod entrances;
pub(crate) mod exposure;
pub(crate) mod health;
pub(crate) mod machines;
pub(crate) mod names;
pub(crate) mod outranked;
pub(crate) mod own_data;
pub(crate) mod phrases;
pub(crate) mod plugin_files;
pub(crate) mod remedy;
pub(crate) mod unreachable;
pub(crate) mod vain_boot;
pub(crate) mod view;
pub(crate) mod virtual_address;

pub use exposure::{Inner, InnerPort, exposure, inner_ports};
pub use health::{Finding, Severity, WAIT_FOR_IT, access, advised, health, is_healthy};
pub use view::anchor;
