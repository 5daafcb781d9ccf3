//! Debian's testing release changes while these tests stay. Its version is printed. If that is a series of RabbitMQ that the
//! tests do not know, or no image can be built that day, a prominent note says so, and failures there do not count: the program
//! did not change.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::lab;
use crate::release::Suite;
use crate::stage::say;

/// Runs a test on a release.
pub fn play(suite: Suite, test: impl FnOnce()) {
    if !suite.moves() {
        return test();
    }
    let (release, known) = (suite.release(), suite.series());
    match lab::offered(suite) {
        Ok(version) if version.starts_with(&format!("{known}.")) => {
            say(&format!("{:8} RabbitMQ {version} is what {release} offers", suite.name()));
            test();
        }
        Ok(version) => {
            say(&format!(
                "NOTE: {release} offers RabbitMQ {version} NOW, AND THESE TESTS KNOW {known}: what fails there does not count"
            ));
            if catch_unwind(AssertUnwindSafe(test)).is_err() {
                say(&format!("NOTE: WITH RabbitMQ {version} A TEST FAILED on {release}; see above"));
            }
        }
        Err(words) => {
            say(&format!(
                "NOTE: no image of {release} can be built today, so NOTHING IS TESTED ON IT:\n{words}"
            ));
        }
    }
}
