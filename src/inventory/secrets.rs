//! Reads secrets from their sources. No error here reveals a secret's bytes.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::document::{ReadError, read_bounded};
use crate::model::{Secret, SecretSource, generate_cookie};

const LARGEST: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a secret could not be read. It stays apart from `model::Problem`: `check` decides on the variant, and its words become a
/// problem of the inventory, at the source that names the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error(transparent)]
    File(#[from] ReadError),
    #[error("the environment variable {0} is not set")]
    NotSet(String),
    #[error("the environment variable {0} is empty")]
    EmptyVariable(String),
    #[error("{0} could not be started: {1}")]
    Start(String, std::io::Error),
    #[error("{0} ended with {1}")]
    Failed(String, String),
    #[error("{0} printed nothing")]
    Silent(String),
    #[error("{0} printed more than 64 KiB")]
    TooLong(String),
    #[error("{program} timed out after {} s", PATIENCE.as_secs())]
    Slow { program: String },
}

impl SecretError {
    /// Whether the secret is only missing here: another machine or shell may have it.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::File(ReadError::Missing(_)) | Self::NotSet(_))
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::File(ReadError::Distrusted(why)) => why.hint(),
            Self::File(_) => {
                "the path is relative to the inventory's directory; the file must contain only the secret"
                    .to_owned()
            }
            Self::NotSet(name) | Self::EmptyVariable(name) => {
                format!("set it in rabbitup's environment: export {name}=…")
            }
            Self::Start(..) => {
                "`argv` is run directly, not by a shell: its first word is the program".to_owned()
            }
            Self::Failed(..) | Self::Silent(_) | Self::TooLong(_) => {
                "run the command by hand to see its error (not shown here, it may contain the secret): \
                 it must print only the secret to standard output"
                    .to_owned()
            }
            Self::Slow { .. } => "it has no terminal; check that it does not wait for input".to_owned(),
        }
    }
}

/// Reads a secret from its source; None for one that only a host has.
///
/// One final newline is removed.
///
/// # Errors
/// [`SecretError`], which names the source and reveals nothing of the secret.
pub fn read_secret(source: &SecretSource) -> Result<Option<Secret>, SecretError> {
    let bytes = match source {
        SecretSource::Generate => return Ok(Some(generate_cookie())),
        SecretSource::HostCookie(_) | SecretSource::StagedCookie(_) => return Ok(None),
        SecretSource::File(path) => read_bounded(path, LARGEST)?,
        SecretSource::Env(name) => from_env(name)?,
        SecretSource::Command(argv) => from_command(argv)?,
    };
    Ok(Some(without_line_end(bytes)))
}

fn without_line_end(mut bytes: Vec<u8>) -> Secret {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    Secret::new(bytes)
}

fn from_env(name: &str) -> Result<Vec<u8>, SecretError> {
    use std::os::unix::ffi::OsStringExt;
    let value = std::env::var_os(name).ok_or_else(|| SecretError::NotSet(name.to_owned()))?;
    if value.is_empty() { Err(SecretError::EmptyVariable(name.to_owned())) } else { Ok(value.into_vec()) }
}

fn from_command(argv: &[String]) -> Result<Vec<u8>, SecretError> {
    let program = argv.first().cloned().unwrap_or_default();
    let mut child = Command::new(&program)
        .args(argv.iter().skip(1))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // Not shown: a failing script may print the secret there (`set -x`).
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| SecretError::Start(program.clone(), error))?;
    // Read on separate threads: a child that survives its timeout may keep the pipes open forever.
    let output = read_in_background(child.stdout.take(), LARGEST as u64 + 1);
    let deadline = Instant::now() + PATIENCE;
    let Some(status) = wait_until(&mut child, deadline) else {
        // It may just have ended; kill and reap it in any case.
        let _ = child.kill();
        let _ = child.wait();
        return Err(SecretError::Slow { program });
    };
    if !status.success() {
        return Err(SecretError::Failed(program, status.to_string()));
    }
    let remaining = deadline.saturating_duration_since(Instant::now());
    let Ok(bytes) = output.recv_timeout(remaining) else { return Err(SecretError::Slow { program }) };
    match bytes.len() {
        0 => Err(SecretError::Silent(program)),
        length if length > LARGEST => Err(SecretError::TooLong(program)),
        _ => Ok(bytes),
    }
}

fn wait_until(child: &mut Child, deadline: Instant) -> Option<std::process::ExitStatus> {
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(pause),
            _ => return None,
        }
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

fn read_in_background(pipe: Option<impl Read + Send + 'static>, limit: u64) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            // Use what was read before an error; the exit status decides.
            let _ = pipe.take(limit).read_to_end(&mut bytes);
        }
        // After a timeout the receiver is gone.
        let _ = sender.send(bytes);
    });
    receiver
}

/// Whether others than the owner can read a secret's file.
pub(super) fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o077 != 0)
}
