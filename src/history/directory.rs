//! Where journals are kept, and how one is found among them.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use serde_json::Value;

use super::journal::JournalError;
use super::past_run::{PastRun, Writer};
use super::read::{NoJournal, head_of, past_run_of};

/// How many journals are searched for a run.
const SEARCHED: usize = 10_000;
/// How many of them line by line, for a name that is not in a first line.
const SEARCHED_WHOLE: usize = 500;
/// How many are named where a name is ambiguous.
const NAMED: usize = 5;

/// Where journals are kept, from the environment (XDG Base Directory Specification 0.8: a relative
/// XDG_STATE_HOME does not count).
///
/// # Errors
/// [`JournalError::NoDirectory`].
pub fn journal_dir(env: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, JournalError> {
    let absolute = |name: &str| env(name).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    Ok(state.ok_or(JournalError::NoDirectory)?.join("rabbitup/journal"))
}

/// The journals of a directory.
pub struct Journals {
    /// Newest first.
    paths: Vec<PathBuf>,
}

/// A journal that was read.
pub struct Found {
    pub path: PathBuf,
    pub bytes: u64,
    pub run: Result<PastRun, NoJournal>,
}

/// Which run is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Last,
    /// The beginning of a run's name on the hosts, or of a journal's name.
    Named(String),
}

/// Why no journal was found.
#[derive(Debug, thiserror::Error)]
pub enum FoundError {
    #[error("there is no journal of a run")]
    NoneAtAll,
    #[error("no run is called {0}")]
    NotThis(String),
    #[error("{name} is the beginning of several runs' names")]
    Several { name: String, journals: Vec<String> },
    #[error("{} is no journal that can be read: {why}", path.display())]
    Unreadable { path: PathBuf, why: NoJournal },
}

impl Journals {
    /// The journals in a directory. A directory that is not there has none.
    ///
    /// # Errors
    /// The system's.
    pub fn of(directory: &Path) -> io::Result<Self> {
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self { paths: Vec::new() }),
            Err(error) => return Err(error),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension() == Some(OsStr::new("jsonl")) {
                paths.push(path);
            }
        }
        paths.sort_by_cached_key(|path| order(&name(path)));
        paths.reverse();
        Ok(Self { paths })
    }

    pub fn count(&self) -> usize {
        self.paths.len()
    }

    /// The newest, newest first.
    pub fn newest(&self, most: usize) -> impl Iterator<Item = Found> {
        self.paths.iter().take(most).map(|path| read(path, |_| {}))
    }

    /// The journal that is asked for; `each` gets its lines.
    ///
    /// # Errors
    /// There is none, or there are several, or it is none.
    pub fn find(&self, wanted: &Wanted, each: impl FnMut(&Value)) -> Result<(Found, PastRun), FoundError> {
        let path = match wanted {
            Wanted::Last => self.paths.first().ok_or(FoundError::NoneAtAll)?,
            Wanted::Named(name) => self.named(name)?,
        };
        let Found { path, bytes, run } = read(path, each);
        match run {
            Ok(run) => Ok((Found { path, bytes, run: Ok(run.clone()) }, run)),
            Err(why) => Err(FoundError::Unreadable { path, why }),
        }
    }

    fn named(&self, wanted: &str) -> Result<&PathBuf, FoundError> {
        if self.paths.is_empty() {
            return Err(FoundError::NoneAtAll);
        }
        let bare = wanted.strip_suffix(".jsonl").unwrap_or(wanted);
        let exact = self.paths.iter().find(|path| name(path) == bare);
        if let Some(path) = exact {
            return Ok(path);
        }
        let begins = |name: Option<String>| name.is_some_and(|name| name.starts_with(bare));
        let of_head = |path: &&PathBuf| {
            let run = open(path).ok().and_then(|file| head_of(file).ok()).and_then(|head| head.pass.run);
            begins(Some(name(path))) || begins(run)
        };
        let mut found: Vec<&PathBuf> = self.paths.iter().take(SEARCHED).filter(of_head).collect();
        if found.is_empty() {
            let of_any_pass = |path: &&PathBuf| {
                read(path, |_| {}).run.is_ok_and(|run| run.runs().any(|name| name.starts_with(bare)))
            };
            found = self.paths.iter().take(SEARCHED_WHOLE).filter(of_any_pass).collect();
        }
        match found.as_slice() {
            [] => Err(FoundError::NotThis(wanted.to_owned())),
            [path] => Ok(path),
            several => Err(FoundError::Several {
                name: wanted.to_owned(),
                journals: several.iter().take(NAMED).map(|path| name(path)).collect(),
            }),
        }
    }
}

impl Found {
    /// The journal's name: that of its file, without the ending.
    pub fn name(&self) -> String {
        name(&self.path)
    }
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// What sorts journals by time: `20261123T083518Z-PID`, and `-NUMBER` for further ones of a process within a second. Files with
/// other names come before all.
fn order(name: &str) -> (bool, String, u64, String) {
    let mut parts = name.splitn(3, '-');
    let time = parts.next().unwrap_or_default().to_owned();
    let is_time = time.len() == 16 && time.starts_with(|c: char| c.is_ascii_digit()) && time.ends_with('Z');
    let process = parts.next().unwrap_or_default().to_owned();
    let number = parts.next().and_then(|number| number.parse().ok()).unwrap_or(1);
    (is_time, time, number, process)
}

/// Opens a file that may be anything: no link is followed, and no pipe waited for.
fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

fn read(path: &Path, each: impl FnMut(&Value)) -> Found {
    let opened = open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (bytes, run) = match opened {
        Ok((bytes, file)) => (bytes, past_run_of(&file, writer(&file), each)),
        Err(error) => (0, Err(NoJournal::Io(error))),
    };
    Found { path: path.to_owned(), bytes, run }
}

/// A run holds a lock on its journal for as long as it lives.
fn writer(file: &File) -> Writer {
    match flock(file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => {
            // A writer that begins in this moment wants it.
            let _ = flock(file, FlockOperation::Unlock);
            Writer::Gone
        }
        Err(Errno::WOULDBLOCK) => Writer::Lives,
        Err(_) => Writer::Unknown,
    }
}
