//! Debian's testing release moves, and these tests stay. What it offers is printed. Where that is a series of RabbitMQ that the
//! tests do not know, or no image can be built of it on that day, a loud note says so, and no failure there counts: the
//! program did not change.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::lab::{self, Suite};
use crate::stage::say;

/// Plays a test on a release.
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
