//! Output for people and programs: plans, progress, failures, summaries and the state of a cluster. Reads only plan, fact and
//! event types; nothing here contacts a host or decides what is done.

mod check_json;
mod destruction_text;
mod diagnosis_json;
mod diagnosis_text;
mod diff;
mod error_json;
mod errors;
mod failure;
mod groups;
mod plan_json;
mod plan_text;
mod progress;
mod refusals;
mod status;
mod status_json;
mod status_text;
mod style;
mod summary;
mod table;
mod titles;
mod under_way;
mod unreachable;
mod words;

pub(crate) use check_json::{CheckDocument, check_schema};
pub(crate) use destruction_text::destruction_lines;
pub use destruction_text::destruction_text;
pub use diagnosis_json::DiagnosisDocument;
pub(crate) use diagnosis_json::diagnosis_schema;
pub use diagnosis_text::{diagnosis_brief, diagnosis_text};
pub(crate) use error_json::{Details, ErrorDocument, ErrorKind, error_schema};
pub use errors::error_text;
pub use failure::{Failed, failure_text};
pub use plan_json::{PlanDocument, plan_schema};
pub(crate) use plan_text::last_line;
pub use plan_text::plan_text;
pub use progress::{Clock, Display, JsonLines, PlainLines, Size, Terminal, TerminalBars};
pub use refusals::{RefusalDocument, late_refusals_text, refusals_text};
pub use status::Status;
pub(crate) use status_json::FindingEntry;
pub use status_json::StatusDocument;
pub use status_text::{findings_text, status_text};
pub use style::{Colour, Detail, Style};
pub use summary::{Next, Summary};
pub use under_way::{under_way, under_way_text};
pub(crate) use unreachable::late_unreachable_text;
pub use unreachable::{Routes, skipped_line, unreachable_document, unreachable_text};
pub(crate) use words::since;

/// For a run that meets a problem after some of its steps have ended.
const CHANGED: &str = "Changes already made by this run remain.";
