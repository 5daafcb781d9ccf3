//! Clock jumps. The lab's hosts share this machine's clock, which must not be set; so only what the program
//! and the scripts on a host see is changed:
//! - The controller's clock by libfaketime: every call of the running process for the time of day is answered with an
//!   hour more. Its monotonic clock is unaffected, as when a real clock is set.
//! - A host's clock by another date(1) before the real one. rabbitup's scripts read the time only from it. The effect on the broker
//!   and systemd is not tested.

use std::path::PathBuf;

use crate::lab::Lab;
use crate::program::Start;
use crate::stage::Stage;

const PRELOADED: &str = "libfaketimeMT.so.1";
/// What libfaketime reads on every call: the offset.
const HOUR_AHEAD: &str = "+3600";
const RIGHT: &str = "+0";

/// The program with a clock that can be set.
pub fn settable(stage: &Stage, start: Start) -> Start {
    set_controller(stage, RIGHT);
    start
        .env("LD_PRELOAD", &library().display().to_string())
        .env("FAKETIME_TIMESTAMP_FILE", &offset(stage).display().to_string())
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("DONT_FAKE_MONOTONIC", "1")
}

/// The controller's clock jumps by an hour.
pub fn jump_here(stage: &Stage) {
    set_controller(stage, HOUR_AHEAD);
}

pub fn put_right_here(stage: &Stage) {
    set_controller(stage, RIGHT);
}

fn set_controller(stage: &Stage, offset_text: &str) {
    // A rename: the program reads it at any moment.
    let (path, new) = (offset(stage), stage.home.borrow().path("clock.new"));
    std::fs::write(&new, format!("{offset_text}\n")).expect("the home is writable");
    std::fs::rename(new, path).expect("the home is writable");
}

fn offset(stage: &Stage) -> PathBuf {
    stage.home.borrow().path("clock")
}

/// Debian's multiarch directory has it; `tests/lab/install-tools.sh lab` installs it.
fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").expect("every machine has it").flatten();
    let found =
        folders.map(|folder| folder.path().join("faketime").join(PRELOADED)).find(|path| path.is_file());
    found.expect("libfaketime, which tests/lab/install-tools.sh installs")
}

const DATE: &str = "/usr/sbin/date";

/// A host's clock jumps by an hour, as seen by scripts there.
pub fn jump_there(lab: &Lab, host: &str) {
    lab.stdout_of(
        host,
        &format!("printf '#!/bin/sh\\nexec /bin/date -d \"1 hour\" \"$@\"\\n' >{DATE} && chmod 755 {DATE}"),
    );
}

pub fn put_right_there(lab: &Lab, host: &str) {
    lab.stdout_of(host, &format!("rm -f {DATE}"));
}
