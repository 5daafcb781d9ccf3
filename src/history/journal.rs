//! Writes what a run does, kept as evidence.

use std::cell::RefCell;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;

use super::cluster_seen::ClusterSeen;
use super::line::{Diagnosed, Entry, FORMAT_VERSION, Head, PassHead, PassKind, RunEnded, RunEvent, Verified};
use super::moment::Moment;
use crate::apply::{RunMark, Stamped, plan_digest};
use crate::model::{HostName, printable_json};
use crate::plan::Plan;

/// How many journals one process may start within a second.
const MOST_IN_A_SECOND: u32 = 9;

/// How long the end of a run waits for a slow disk.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who runs what, without anything secret.
#[derive(Clone, Debug)]
pub struct Caller {
    pub command: String,
    pub playbook: String,
    /// `USER@MACHINE`.
    pub operator: String,
    /// None if a saved plan is applied.
    pub inventory: Option<PathBuf>,
    pub cluster: Option<String>,
    /// All hosts of the inventory.
    pub hosts: Vec<HostName>,
}

/// The journal of a run, written by its own thread, so that a slow disk cannot delay a step. The file appears with the first plan
/// that is applied, or with the end of a run that applied none.
#[derive(Debug)]
pub struct Journal {
    began: Moment,
    caller: Caller,
    lines: Option<Sender<Line>>,
    written: Receiver<Result<PathBuf, JournalError>>,
    /// What the head will say, until there is one.
    headless: RefCell<Option<PassHead>>,
    /// As the last plan saw it.
    seen: RefCell<Option<ClusterSeen>>,
    /// As the inventory names it, or else the cluster itself.
    cluster: RefCell<Option<String>>,
}

#[derive(Debug)]
enum Line {
    Head(Box<Head>),
    Step(Arc<Stamped>),
    Run(Moment, Box<RunEvent>),
}

/// Why there is no journal or an incomplete one. It is a warning; the run does not depend on it.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("no directory for the journal: neither XDG_STATE_HOME nor HOME is set to an absolute path")]
    NoDirectory,
    #[error("cannot write the journal {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the journal is not written to its end yet")]
    Late,
}

impl Journal {
    /// Begins the journal of a run that begins now.
    pub fn begin(directory: Result<PathBuf, JournalError>, caller: Caller) -> Self {
        let began = Moment::now();
        let (lines, to_write) = mpsc::channel();
        let (sender, written) = mpsc::channel();
        let name = format!("{}-{}", began.compact(), std::process::id());
        let keep = move || {
            // After an abandoned run, nothing waits for this.
            let _ = sender.send(directory.and_then(|directory| keep(&directory, &name, &to_write)));
        };
        // Without the thread nothing is written, which its end reports.
        let lines = thread::Builder::new().name("journal".to_owned()).spawn(keep).ok().map(|_| lines);
        let headless = RefCell::new(Some(PassHead::unplanned(caller.hosts.clone())));
        let cluster = RefCell::new(caller.cluster.clone());
        Self { began, caller, lines, written, headless, seen: RefCell::default(), cluster }
    }

    /// What the hosts were like when the plan that follows was made.
    pub(crate) fn seen_before(&self, seen: ClusterSeen) {
        *self.seen.borrow_mut() = Some(seen);
    }

    /// What they are like after the steps.
    pub(crate) fn seen_after(&self, seen: ClusterSeen) {
        if let Some(head) = self.headless.take() {
            // Nothing was done: they are as they were.
            self.head(head);
        }
        self.happened(RunEvent::ClusterSeen(seen));
    }

    /// A plan was shown: if nothing of it is done, the journal still tells what it was.
    pub(crate) fn planned(&self, plan: &Plan) {
        self.learn_name(plan);
        let mut headless = self.headless.borrow_mut();
        if headless.is_some() {
            *headless = Some(PassHead::planned(plan, &plan_digest(plan)));
        }
    }

    /// A plan is applied.
    pub fn pass(&self, pass: PassKind, plan: &Plan, mark: &RunMark) {
        self.learn_name(plan);
        let head = PassHead { seen: self.seen.take(), ..PassHead::of(plan, mark) };
        if self.headless.take().is_some() {
            self.head(head);
        } else {
            self.happened(RunEvent::PassStarted { pass, head });
        }
    }

    /// Something happened to a step.
    pub fn step(&self, stamped: Arc<Stamped>) {
        self.write(Line::Step(stamped));
    }

    /// `doctor` has inspected the hosts of the plan that was applied.
    pub(crate) fn diagnosed(&self, diagnosed: Diagnosed) {
        self.happened(RunEvent::Diagnosed(diagnosed));
    }

    pub(crate) fn verified(&self, verified: Verified) {
        if let Some(head) = self.headless.take() {
            self.head(head);
        }
        self.happened(RunEvent::Verified(verified));
    }

    /// The run is over. Waits, with a short timeout, until everything is written.
    ///
    /// # Errors
    /// Why the journal is missing or incomplete.
    pub fn end(mut self, ended: RunEnded) -> Result<PathBuf, JournalError> {
        if let Some(head) = self.headless.take() {
            self.head(PassHead { seen: self.seen.take(), ..head });
        }
        self.happened(RunEvent::RunEnded(ended));
        drop(self.lines.take());
        self.written.recv_timeout(PATIENCE).unwrap_or(Err(JournalError::Late))
    }

    fn learn_name(&self, plan: &Plan) {
        if let Some(name) = &plan.cluster {
            *self.cluster.borrow_mut() = Some(name.clone());
        }
    }

    fn head(&self, pass: PassHead) {
        let Caller { command, playbook, operator, inventory, cluster: _, hosts: _ } = self.caller.clone();
        self.write(Line::Head(Box::new(Head {
            format_version: FORMAT_VERSION,
            at: self.began,
            command,
            playbook,
            pass,
            operator: Some(operator),
            inventory: inventory.map(|path| path.display().to_string()),
            cluster: self.cluster.borrow().clone(),
            rabbitup: Some(env!("CARGO_PKG_VERSION").to_owned()),
            locked: false,
        })));
    }

    fn happened(&self, event: RunEvent) {
        self.write(Line::Run(Moment::now(), Box::new(event)));
    }

    fn write(&self, line: Line) {
        if let Some(lines) = &self.lines {
            // A writer that failed has said so, and takes no more.
            let _ = lines.send(line);
        }
    }
}

/// A new file of this name, or of this name with a number.
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

/// Writes all lines. Nothing is made before there is a first one.
fn keep(directory: &Path, name: &str, lines: &Receiver<Line>) -> Result<PathBuf, JournalError> {
    let Ok(first) = lines.recv() else { return Ok(directory.to_owned()) };
    let (path, file) = create(directory, name)?;
    // The kernel frees it when this process ends for whatever reason: a free lock and no end is a killed run.
    let locked = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
    let mut file = BufWriter::new(file);
    let failed = |source| JournalError::Write { path: path.clone(), source };
    write(&mut file, first, locked).map_err(failed)?;
    while let Ok(line) = lines.recv() {
        write(&mut file, line, locked).map_err(failed)?;
    }
    Ok(path)
}

fn write(file: &mut BufWriter<File>, line: Line, locked: bool) -> io::Result<()> {
    match line {
        Line::Head(head) => write_line(file, &Head { locked, ..*head }),
        Line::Step(stamped) => {
            write_line(file, &Entry { at: Moment::from(stamped.at), event: &stamped.event })
        }
        Line::Run(at, event) => write_line(file, &Entry { at, event: event.as_ref() }),
    }
}

/// One line, flushed to disk at once: the events before a crash matter most.
fn write_line(file: &mut BufWriter<File>, value: &impl Serialize) -> io::Result<()> {
    writeln!(file, "{}", printable_json(&serde_json::to_string(value)?))?;
    file.flush()
}
