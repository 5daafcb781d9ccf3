//! The diagnosis: every cause is found, and a healthy cluster has no findings.

#[path = "../report/fixtures.rs"]
#[allow(dead_code, reason = "the report's own tests use what is not used here")]
mod fixtures;

mod addresses;
mod bed;
mod causes;
mod examination;
mod follows;
mod load_balancer;
mod names;
mod texts;
mod virtual_address;
