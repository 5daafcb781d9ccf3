//! The shells that run rabbitup's scripts, for tests.

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// The shells that hosts use as /bin/sh: CI must have all of them (tests/lab/install-tools.sh).
const NEEDED: [&[&str]; 4] = [&["dash"], &["bash"], &["bash", "--posix"], &["busybox", "sh"]];
/// Common login shells, tested if installed.
const OTHERS: [&[&str]; 5] = [&["zsh"], &["mksh"], &["ksh"], &["yash"], &["posh"]];

/// Login shells that are no POSIX shells.
const FOREIGN: [&[&str]; 3] = [&["tcsh", "-f"], &["bsd-csh", "-f"], &["fish", "--no-config"]];

/// The command words of this machine's login shells, as sshd starts them before `-c`.
pub(crate) fn login_shells() -> Vec<&'static [&'static str]> {
    let is_there = |words: &&[&str]| Command::new(words[0]).args(["-c", "exit"]).output().is_ok();
    let (there, missing): (Vec<_>, Vec<_>) = FOREIGN.into_iter().partition(is_there);
    assert!(missing.is_empty() || std::env::var_os("CI").is_none(), "CI lacks {missing:?}");
    missing
        .iter()
        .for_each(|words| eprintln!("SKIPPED: {} is not installed here, and was NOT TESTED", words[0]));
    shells().into_iter().chain(there).collect()
}

/// The command words of this machine's shells. A missing required one fails in CI, and is reported elsewhere.
pub(crate) fn shells() -> Vec<&'static [&'static str]> {
    let is_there = |words: &&[&str]| Command::new(words[0]).arg("--help").output().is_ok();
    let (there, missing): (Vec<_>, Vec<_>) = NEEDED.into_iter().partition(is_there);
    assert!(missing.is_empty() || std::env::var_os("CI").is_none(), "CI lacks {missing:?}");
    missing
        .iter()
        .for_each(|words| eprintln!("SKIPPED: {} is not installed here, and was NOT TESTED", words[0]));
    there.into_iter().chain(OTHERS.into_iter().filter(is_there)).collect()
}

/// The output of a shell for a script on its standard input.
pub(crate) fn run_in(words: &[&str], script: &[u8]) -> Output {
    let mut child = Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the shell is there");
    let mut stdin = child.stdin.take().expect("it is piped");
    let script = script.to_vec();
    // A separate thread, for a script that prints while it is read. A shell that stops early closes the pipe.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&script)));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("it was written");
    output
}
