//! Pages for a browser, as files of their own or on standard output.

use std::path::Path;
use std::time::SystemTime;

use super::arguments::Common;
use super::exit::Failure;
use super::option_values::PageFile;
use super::print;
use super::private_file::{self, Kind};
use super::session::shown;
use crate::apply::Operator;
use crate::report::{FailureCode, Made, failure_page};

/// Writes a page. It has no secret, but much detail about the hosts, so only its owner can read the file.
///
/// # Errors
/// The path is not a regular file, or cannot be written.
pub fn write(to: &PageFile, html: &str) -> Result<(), Failure> {
    match to {
        PageFile::Stdout => print::stdout(html),
        PageFile::File(path) => {
            private_file::replace(path, html.as_bytes(), Kind::Page)?;
            print::stderr(&format!("Page: {}\n", shown(path)));
        }
    }
    Ok(())
}

/// Writes the page of a command that ended early, if one was asked for. The failure stays what it is.
pub fn write_failure(
    to: Option<&PageFile>,
    (command, subject): (&'static str, &str),
    failure: Failure,
    common: &Common,
) -> Failure {
    let Some(to) = to else { return failure };
    let html = failure.told(|document| failure_page(command, subject.to_owned(), document, &made(common)));
    if let Err(unwritten) = write(to, &html) {
        unwritten.print(common.style_of_stderr());
    }
    failure
}

/// Who makes a page, from which inventory, now.
pub fn made(common: &Common) -> Made {
    Made { by: Operator::here(String::new()).who, at: SystemTime::now(), from: shown(&common.inventory) }
}

/// What else the command writes.
#[derive(Clone, Copy, Default)]
pub struct Beside<'a> {
    /// The option that prints on standard output.
    pub printed: Option<&'static str>,
    /// The file of `--output`.
    pub saved: Option<&'a Path>,
}

/// Whether the page can be written where it should be.
///
/// # Errors
/// The page and something else go to the same place; a file is there that is no page; or none can be made there.
pub fn require_place(page: Option<&PageFile>, beside: Beside<'_>) -> Result<(), Failure> {
    let bad = |what: String| {
        Failure::new(FailureCode::CommandLine, what).next("name a file for the page: --html FILE")
    };
    match (page, beside.printed) {
        (None, _) | (Some(PageFile::Stdout), None) => Ok(()),
        (Some(PageFile::Stdout), Some(option)) => {
            Err(bad(format!("--html - and {option} cannot both print on standard output")))
        }
        (Some(PageFile::File(path)), _) if path.as_os_str().is_empty() => {
            Err(bad("--html has an empty name".to_owned()))
        }
        (Some(PageFile::File(path)), _) if beside.saved.is_some_and(|saved| is_same(saved, path)) => {
            Err(bad(format!("--output and --html both name {}", shown(path))))
        }
        (Some(PageFile::File(path)), _) => private_file::require_place(path, Kind::Page),
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    let whole = |path| std::path::absolute(path).ok();
    whole(one).is_some() && whole(one) == whole(other)
}
