//! Files that only their owner can read: saved plans, pages and bundles.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::exit::Failure;
use super::session::shown;
use crate::plan::is_saved_plan;
use crate::report::{FailureCode, is_page};

/// How much of a file tells what it is: what comes before the mark of a page is shorter.
const BEGIN: u64 = 2048;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Plan,
    Page,
    Bundle,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Page => "page",
            Self::Bundle => "bundle",
        }
    }

    fn option(self) -> &'static str {
        match self {
            Self::Plan => "--output",
            Self::Page => "--html",
            Self::Bundle => "--bundle",
        }
    }

    /// Whether a file that begins so is one of this kind.
    fn begins(self, begin: &[u8]) -> bool {
        match self {
            Self::Plan => is_saved_plan(&String::from_utf8_lossy(begin)),
            Self::Page => is_page(&String::from_utf8_lossy(begin)),
            // Of any tar.gz: gzip's first two bytes (RFC 1952).
            Self::Bundle => begin.starts_with(&[0x1f, 0x8b]),
        }
    }
}

/// Replaces a file atomically, with mode 0600.
///
/// # Errors
/// The path is not a regular file, or the new file cannot be written; no partial file is left.
pub fn replace(path: &Path, bytes: &[u8], kind: Kind) -> Result<(), Failure> {
    require_regular(path, kind.word())?;
    rename_over(path, bytes)
        .map_err(|error| unwritable(FailureCode::FileNotWritten, path, kind.word(), &error))
}

/// Whether such a file can be written there. Asked before any host is: a run of minutes must not end with a file that is nowhere, nor
/// with one replaced that somebody needs, such as the inventory.
///
/// # Errors
/// The path is not a regular file; a file is there that is neither empty nor of this kind; or no file can be made beside it.
pub fn require_place(path: &Path, kind: Kind) -> Result<(), Failure> {
    let word = kind.word();
    require_regular(path, word)?;
    let beside = beside(path);
    let tried = create(&beside).and_then(|_| std::fs::remove_file(&beside));
    tried.map_err(|error| unwritable(FailureCode::OutputFile, path, word, &error))?;
    if may_be_replaced(path, kind) {
        return Ok(());
    }
    let what =
        format!("{} is there already and is no {word} of rabbitup, so it is not replaced", shown(path));
    Err(Failure::new(FailureCode::OutputFile, what)
        .next(format!("name another file with {}, or move that one away", kind.option())))
}

/// An older one, or a file that was only made, as by mktemp(1).
fn may_be_replaced(path: &Path, kind: Kind) -> bool {
    let mut begin = Vec::new();
    match File::open(path) {
        Ok(file) => {
            let read = file.take(BEGIN).read_to_end(&mut begin);
            read.is_ok() && (begin.is_empty() || kind.begins(&begin))
        }
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn unwritable(code: FailureCode, path: &Path, what: &str, error: &io::Error) -> Failure {
    Failure::other(code, format!("the {what} could not be written to {}", shown(path)), error)
        .next("name a file in a writable directory with enough free space")
}

fn require_regular(path: &Path, what: &str) -> Result<(), Failure> {
    // The rename would replace anything, even /dev/stdout.
    if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(Failure::new(
            FailureCode::OutputFile,
            format!("{} is not a regular file, so a {what} cannot replace it", shown(path)),
        )
        .next(format!("name a file for the {what}")));
    }
    Ok(())
}

fn beside(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".partial");
    beside.into()
}

fn create(beside: &Path) -> io::Result<File> {
    // Opening an existing file would keep its mode, so it is removed first.
    let _ = std::fs::remove_file(beside);
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)
}

fn rename_over(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = beside(path);
    let written = || {
        let mut file = create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    written().inspect_err(|_| drop(std::fs::remove_file(&beside)))
}
