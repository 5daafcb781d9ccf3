//! Files that only their owner can read: saved plans and bundles.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::exit::{Exit, Failure};
use super::session::shown;

/// Replaces a file atomically, with mode 0600. `what` names it in messages.
///
/// # Errors
/// The path is not a regular file, or the new file cannot be written; no partial file is left.
pub fn replace(path: &Path, bytes: &[u8], what: &str) -> Result<(), Failure> {
    // The rename would replace anything, even /dev/stdout.
    if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(Failure::new(
            Exit::Usage,
            format!("{} is not a regular file, so a {what} cannot replace it", shown(path)),
        )
        .next(format!("name a file for the {what}")));
    }
    rename_over(path, bytes).map_err(|error| {
        Failure::other(format!("the {what} could not be written to {}", shown(path)), &error)
            .next("name a file in a writable directory with enough free space")
    })
}

fn rename_over(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".partial");
    // Opening an existing file would keep its mode, so it is removed first.
    let _ = std::fs::remove_file(&beside);
    let written = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    written().inspect_err(|_| drop(std::fs::remove_file(&beside)))
}
