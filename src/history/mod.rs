//! The journals of runs: what is written of each run on the controller, and what is read back of past ones.
//!
//! A journal is evidence for people. No decision of a run depends on one: those use the facts. [`PastRun`] is what a journal tells of
//! its run; text and JSON are made from it in `report`.

mod cluster_seen;
mod directory;
mod folding;
mod journal;
#[cfg(test)]
mod journal_tests;
mod line;
mod moment;
mod past_run;
mod read;

pub(crate) use cluster_seen::{ClusterSeen, Condition, PartSeen};
pub use directory::Found;
pub(crate) use directory::{FoundError, Journals, Wanted, journal_dir};
pub use journal::{Caller, Journal};
pub(crate) use line::{Diagnosed, DiagnosedFinding, Verified, VerifiedFinding};
pub use line::{PassKind, RunEnded, RunProblem, RunResult};
pub(crate) use moment::Moment;
pub use past_run::PastRun;
pub(crate) use past_run::{Became, End, Halt, NoEnd, PastPass, PastStep, StepState};
pub use read::{NoJournal, past_run};
