//! What a run did, kept as evidence. It is never read back: decisions use the facts.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::{Event, EventStream, RunId, RunMark, Stamped};
use crate::model::{HostName, printable_json};
use crate::plan::{Plan, StepId};

/// The version of the journal's form.
const FORMAT_VERSION: u32 = 1;
/// How many plans one command may start within a second.
const MOST_IN_A_SECOND: u32 = 9;

/// How long the end of a run waits for a slow disk.
const PATIENCE: Duration = Duration::from_secs(5);

/// A journal that is being written by its own thread, so that a slow disk cannot delay a step.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    ended: Receiver<io::Result<()>>,
}

/// Why there is no journal or an incomplete one. It is a warning; the run does not depend on it.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("no directory for the journal: neither XDG_STATE_HOME nor HOME is set to an absolute path")]
    NoDirectory,
    #[error("cannot write the journal {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the journal {} is not written to its end yet", .0.display())]
    Late(PathBuf),
}

/// The first line.
#[derive(Serialize)]
struct Head<'a> {
    format_version: u32,
    at: String,
    command: &'a str,
    playbook: &'a str,
    /// The run and the plan as in the hosts' journals (docs/trail.md).
    run: Option<&'a str>,
    plan: &'a str,
    hosts: Vec<&'a HostName>,
    steps: Vec<HeadStep<'a>>,
}

#[derive(Serialize)]
struct HeadStep<'a> {
    id: &'a StepId,
    title: &'a str,
}

/// Every other line.
#[derive(Serialize)]
struct Entry<'a> {
    at: String,
    #[serde(flatten)]
    event: &'a Event,
}

impl Journal {
    /// Starts a journal in `directory` and writes every event to it. `command` is what the
    /// user ran, without anything secret.
    ///
    /// # Errors
    /// The system's, if the file cannot be created.
    pub fn begin(
        directory: &Path,
        command: &str,
        plan: &Plan,
        mark: &RunMark,
        events: EventStream,
    ) -> Result<Self, JournalError> {
        let now = SystemTime::now();
        let name = format!("{}-{}", compact(now), std::process::id());
        let (path, file) = create(directory, &name)?;
        let write = |source| JournalError::Write { path: path.clone(), source };
        let mut file = BufWriter::new(file);
        write_line(&mut file, &head(now, command, plan, mark)).map_err(write)?;
        let (sender, ended) = mpsc::channel();
        let keep = move || {
            // After an abandoned run, nothing waits for this.
            let _ = sender.send(keep(file, events));
        };
        thread::Builder::new().name("journal".to_owned()).spawn(keep).map_err(write)?;
        Ok(Self { path, ended })
    }

    /// Waits, with a short timeout, until everything is written. The [`super::EventSink`] must be dropped before.
    ///
    /// # Errors
    /// Why the journal is incomplete.
    pub fn end(self) -> Result<PathBuf, JournalError> {
        match self.ended.recv_timeout(PATIENCE) {
            Ok(Ok(())) => Ok(self.path),
            Ok(Err(source)) => Err(JournalError::Write { path: self.path, source }),
            Err(_) => Err(JournalError::Late(self.path)),
        }
    }
}

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

/// A new file of this name, or of this name with a number: a command with several passes may start two within a
/// second.
fn create(directory: &Path, name: &str) -> Result<(PathBuf, File), JournalError> {
    guard(directory).map_err(|source| JournalError::Write { path: directory.to_owned(), source })?;
    let mut path = directory.join(format!("{name}.jsonl"));
    let mut made = create_new(&path);
    for number in 2..=MOST_IN_A_SECOND {
        if !matches!(&made, Err(error) if error.kind() == io::ErrorKind::AlreadyExists) {
            break;
        }
        path = directory.join(format!("{name}-{number}.jsonl"));
        made = create_new(&path);
    }
    match made {
        Ok(file) => Ok((path, file)),
        Err(source) => Err(JournalError::Write { path, source }),
    }
}

fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn guard(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    // An existing one keeps its mode: it may have been copied or created by the operator.
    if fs::metadata(directory)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(directory, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn head<'a>(now: SystemTime, command: &'a str, plan: &'a Plan, mark: &'a RunMark) -> Head<'a> {
    Head {
        format_version: FORMAT_VERSION,
        at: timestamp(now),
        command,
        playbook: &plan.playbook,
        run: mark.run.as_ref().map(RunId::as_str),
        plan: &mark.plan,
        hosts: plan.hosts.iter().map(|host| &host.name).collect(),
        steps: plan.steps.iter().map(|step| HeadStep { id: &step.id, title: &step.title }).collect(),
    }
}

fn keep(mut file: BufWriter<File>, mut events: EventStream) -> io::Result<()> {
    while let Some(stamped) = events.blocking_recv() {
        let Stamped { at, event } = &*stamped;
        write_line(&mut file, &Entry { at: timestamp(*at), event })?;
    }
    Ok(())
}

/// One line, flushed to disk at once: the events before a crash matter most.
fn write_line(file: &mut BufWriter<File>, value: &impl Serialize) -> io::Result<()> {
    writeln!(file, "{}", printable_json(&serde_json::to_string(value)?))?;
    file.flush()
}

/// `2025-11-22T22:17:00.123Z`.
fn timestamp(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (year, month, day) = civil_date(since.as_secs() / 86_400);
    let (hour, minute, second) = clock(since);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", since.subsec_millis())
}

/// `20251122T221700Z`: sorts by time; used in file names.
fn compact(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (year, month, day) = civil_date(since.as_secs() / 86_400);
    let (hour, minute, second) = clock(since);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

fn clock(since: Duration) -> (u64, u64, u64) {
    let second = since.as_secs() % 86_400;
    (second / 3600, second / 60 % 60, second % 60)
}

/// Year, month and day (UTC, Gregorian) of a day counted from 1970-01-01. Years begin in March here, so that the
/// leap day is the last of its year (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil_date(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_since_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months_since_march + 2) / 5 + 1;
    let month = (months_since_march + 2) % 12 + 1;
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::apply::EventSink;
    use crate::apply::run_fixtures::{host, mark, plan, step};

    #[test]
    fn dates_are_those_of_the_calendar() {
        // date -u -d @SECONDS +%FT%TZ
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (951_868_800, "2000-03-01T00:00:00.000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(timestamp(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
        assert_eq!(compact(UNIX_EPOCH + Duration::from_secs(951_782_399)), "20000228T235959Z");
    }

    #[test]
    fn the_directory_follows_the_xdg_specification() {
        let env = |state: &'static str, home: &'static str| {
            let value = move |name: &str| match name {
                "XDG_STATE_HOME" => Some(PathBuf::from(state)),
                _ => Some(PathBuf::from(home)),
            };
            journal_dir(value).ok()
        };
        assert_eq!(env("/state", "/home/a"), Some("/state/rabbitup/journal".into()));
        assert_eq!(env("relative", "/home/a"), Some("/home/a/.local/state/rabbitup/journal".into()));
        assert_eq!(env("", ""), None);
    }

    #[test]
    fn the_journal_holds_the_plan_and_every_event_and_is_private() {
        let directory = std::env::temp_dir().join(format!("rabbitup-journal-{}", std::process::id()));
        let mut sink = EventSink::default();
        let stream = sink.subscribe();
        let plan = plan(vec![step("a", "x", &[])]);
        let journal =
            Journal::begin(&directory, "rabbitup up", &plan, &mark(), stream).expect("it is writable");
        sink.emit(Event::Locked);
        sink.emit(Event::StepStarted { step: plan.steps[0].id.clone(), host: host("a") });
        drop(sink);
        let path = journal.end().expect("it is complete");
        let text = std::fs::read_to_string(&path).expect("it is there");
        let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
        std::fs::remove_dir_all(&directory).expect("it is there");
        assert_eq!(mode & 0o777, 0o600);
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0]["steps"][0]["id"], "a/x");
        assert_eq!(lines[1]["event"], "locked");
        assert_eq!(lines[2]["step"], "a/x");
    }

    #[test]
    fn two_plans_within_a_second_have_a_journal_each() {
        let directory = std::env::temp_dir().join(format!("rabbitup-journal-two-{}", std::process::id()));
        let names: Vec<String> = (0..3)
            .map(|_| create(&directory, "20261123T083518Z-7").expect("it is made").0)
            .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
            .collect();
        fs::remove_dir_all(&directory).expect("it is there");
        let wanted = ["", "-2", "-3"].map(|more| format!("20261123T083518Z-7{more}.jsonl"));
        assert_eq!(names, wanted);
    }

    #[test]
    fn a_directory_that_was_open_to_others_is_closed() {
        let directory = std::env::temp_dir().join(format!("rabbitup-journal-open-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("it is made");
        fs::set_permissions(&directory, Permissions::from_mode(0o755)).expect("it is ours");
        let mut sink = EventSink::default();
        let journal =
            Journal::begin(&directory, "", &plan(vec![]), &mark(), sink.subscribe()).expect("it is writable");
        drop(sink);
        journal.end().expect("it is complete");
        let mode = fs::metadata(&directory).expect("it is there").permissions().mode();
        fs::remove_dir_all(&directory).expect("it is there");
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_journal_that_cannot_be_is_an_error_and_a_lost_consumer_is_none() {
        let mut sink = EventSink::default();
        let stream = sink.subscribe();
        assert!(Journal::begin(Path::new("/dev/null/x"), "", &plan(vec![]), &mark(), stream).is_err());
        sink.emit(Event::Locked);
    }
}
