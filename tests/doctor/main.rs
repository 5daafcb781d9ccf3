//! The diagnosis: every cause is found by its name, and nothing is found where nothing is wrong.

#[path = "../report/fixtures.rs"]
#[allow(dead_code, reason = "the report's own tests use what is not used here")]
mod fixtures;

mod bed;
mod causes;
mod examination;
mod follows;
mod texts;
