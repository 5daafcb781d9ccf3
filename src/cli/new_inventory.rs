//! The file that `init` and `adopt` write.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::arguments::Common;
use super::command_line::CommandLine;
use super::exit::Failure;
use super::print;
use super::session::shown;
use crate::report::FailureCode;

/// Where a new inventory goes.
#[derive(Debug)]
pub struct NewInventory {
    place: Place,
    existing: Existing,
}

#[derive(Debug)]
enum Place {
    Stdout,
    File(PathBuf),
}

/// What happens to a file that is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    Stays,
    /// `--force`.
    IsReplaced,
}

impl NewInventory {
    /// The path of `--output`, else that of `--inventory`.
    pub fn new(common: &Common, output: Option<&Path>, existing: Existing) -> Self {
        let place = match output {
            Some(path) if path == Path::new("-") => Place::Stdout,
            Some(path) => Place::File(path.to_owned()),
            None => Place::File(common.inventory.clone()),
        };
        Self { place, existing }
    }

    /// Its path once it is read; on standard output that of `--inventory`.
    pub fn path<'a>(&'a self, common: &'a Common) -> &'a Path {
        match &self.place {
            Place::Stdout => &common.inventory,
            Place::File(path) => path,
        }
    }

    /// # Errors
    /// The file is there, and stays: told before anything else is done.
    pub fn check(&self) -> Result<(), Failure> {
        match &self.place {
            Place::File(path) if self.existing == Existing::Stays && path.symlink_metadata().is_ok() => {
                Err(exists(path))
            }
            Place::File(_) | Place::Stdout => Ok(()),
        }
    }

    /// Writes it. Returns its path, unless it went to standard output, after which nothing else is printed there.
    ///
    /// # Errors
    /// The file is there, and stays, or it cannot be written.
    pub fn write(&self, text: &str) -> Result<Option<&Path>, Failure> {
        let path = match &self.place {
            Place::Stdout => {
                print::stdout(text);
                return Ok(None);
            }
            Place::File(path) => path,
        };
        let mut options = OpenOptions::new();
        options.write(true);
        match self.existing {
            Existing::Stays => options.create_new(true),
            Existing::IsReplaced => options.create(true).truncate(true),
        };
        let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map(|()| Some(path.as_path())).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => exists(path),
            _ => Failure::new(FailureCode::OutputFile, format!("{} could not be written", shown(path)))
                .why(error.to_string()),
        })
    }
}

fn exists(path: &Path) -> Failure {
    Failure::new(FailureCode::FileExists, format!("{} exists already", shown(path)))
        .next("--force replaces it, -o FILE writes another")
}

/// The command that shows what a run with this inventory would do.
pub fn next(common: &Common, path: &Path) -> CommandLine {
    CommandLine::verb(&Common { inventory: path.to_owned(), ..common.clone() }, "plan")
}
