//! Pages for a browser: one file each that loads nothing, works without JavaScript, and shows what text and JSON show.

mod failure;
mod frame;
mod markup;
mod parts;
mod picture;
mod plan;
mod run;
mod run_changes;
mod run_failures;
mod run_steps;
mod status;
mod status_tables;
mod steps;
mod timeline;
mod tone;

pub use failure::failure_page;
pub use frame::Made;
pub(crate) use frame::is_page;
pub use plan::PlanPage;
pub use run::run_page;
pub use status::status_page;
pub use timeline::{Bar, BarOutcome, Timeline};
