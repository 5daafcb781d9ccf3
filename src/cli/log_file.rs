//! `--log`: what a command tells people, in a file of theirs.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use console::strip_ansi_codes;
use rustix::fs::OFlags;

use crate::history::Moment;
use crate::model::shell_word;
use crate::report::{Detail, Style};

/// The width of text in the log.
const WIDTH: usize = 120;

/// The log of this process. What is printed is the process's as well, and comes from everywhere.
static LOG: OnceLock<Mutex<Log>> = OnceLock::new();

struct Log {
    /// None after a line that could not be written, which was reported.
    file: Option<File>,
    /// What is not a whole line yet.
    begun: String,
}

/// Begins to log into a file: everything that is printed from now on, and first the command line.
///
/// # Errors
/// The file cannot be written, or is no regular file.
pub fn begin(path: &Path) -> io::Result<()> {
    let file = open(path)?;
    let log = LOG.get_or_init(|| Mutex::new(Log { file: None, begun: String::new() }));
    log.lock().unwrap_or_else(PoisonError::into_inner).file = Some(file);
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| shell_word(&word.to_string_lossy())).collect();
    write(&format!("$ rabbitup {} (version {})\n", words.join(" "), env!("CARGO_PKG_VERSION")));
    Ok(())
}

/// Whether there is one.
pub fn is_kept() -> bool {
    LOG.get().is_some()
}

/// How texts look there: plain and in full.
pub fn style() -> Style {
    Style::plain(WIDTH).with_detail(Detail::Full)
}

/// Appends text that people read. Each line has the time at which it was whole.
pub fn write(text: &str) {
    if let Some(log) = LOG.get() {
        log.lock().unwrap_or_else(PoisonError::into_inner).write(text);
    }
}

impl Log {
    fn write(&mut self, text: &str) {
        self.begun.push_str(&strip_ansi_codes(text));
        let Some(end) = self.begun.rfind('\n') else { return };
        let rest = self.begun.split_off(end + 1);
        let lines = std::mem::replace(&mut self.begun, rest);
        let (now, Some(file)) = (Moment::now(), &mut self.file) else { return };
        let stamped: String = lines
            .lines()
            .map(|line| {
                let line = format!("{} {}  {line}", now.date(), now.time_of_day());
                format!("{}\n", line.trim_end())
            })
            .collect();
        // In one go: lines of another command that logs here do not come in between.
        if let Err(error) = file.write_all(stamped.as_bytes()) {
            self.file = None;
            let _ = writeln!(io::stderr(), "warning: the log cannot be written any more: {error}");
        }
    }
}

/// A sink for what prints line by line.
#[derive(Debug)]
pub struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Follows no link that another user could have placed, and waits for no pipe.
fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if found.permissions().mode() & 0o177 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}
