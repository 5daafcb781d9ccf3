//! Files that are for their owner's eyes alone: saved plans and bundles.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::exit::{Exit, Failure};
use super::session::shown;

/// Puts a file in the place of what is there, whole or not at all, with mode 0600. `what` it is stands in the messages.
///
/// # Errors
/// What is there is no plain file, or the new one cannot be written; nothing is left of it then.
pub fn replace(path: &Path, bytes: &[u8], what: &str) -> Result<(), Failure> {
    // The rename would take away what is there, be it /dev/stdout.
    if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(Failure::new(
            Exit::Usage,
            format!("{} is no file that a {what} could replace", shown(path)),
        )
        .next(format!("name a file for the {what}")));
    }
    rename_over(path, bytes).map_err(|error| {
        Failure::other(format!("the {what} could not be written to {}", shown(path)), &error)
            .next("name a file in a directory that you may write to, with some room")
    })
}

fn rename_over(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".partial");
    // A file that is there keeps its mode when it is opened: it goes first.
    let _ = std::fs::remove_file(&beside);
    let written = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    written().inspect_err(|_| drop(std::fs::remove_file(&beside)))
}
