//! Running commands: bounded in time, with the wall clock and the peak memory taken.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// GNU time, which knows the peak memory of the process that it waits for.
const TIME: &str = "/usr/bin/time";

/// A command that `timeout` ends after so many seconds, with nothing on its standard input.
pub fn command(program: impl AsRef<OsStr>, seconds: u32) -> Command {
    let mut command = Command::new("timeout");
    command.args(["-k", "10", &seconds.to_string()]).arg(program).stdin(Stdio::null());
    command
}

/// Runs the command with the text on its standard input.
pub fn output_with_input(mut command: Command, input: &str) -> Result<Output, String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{command:?} does not start: {error}"))?;
    // The inputs are far smaller than a pipe's buffer, so this cannot block on a child that does not read.
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    stdin.write_all(input.as_bytes()).map_err(|error| format!("{command:?} does not read: {error}"))?;
    drop(stdin);
    child.wait_with_output().map_err(|error| format!("{command:?}: {error}"))
}

/// What one run of a contender took.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub wall: Duration,
    /// Of the largest process, in MiB; none where GNU time is missing.
    pub peak_mib: Option<f64>,
}

/// A run that ended, and how.
pub struct Finished {
    pub sample: Sample,
    pub success: bool,
    /// Both streams.
    pub output: String,
}

/// Runs the program to its end; both streams go to the log file.
pub fn measure(
    program: &Path,
    arguments: &[String],
    environment: &[(String, String)],
    directory: &Path,
    log: &Path,
) -> Result<Finished, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", program.display());
    let peak_file = log.with_extension("peak");
    let mut command = if Path::new(TIME).exists() {
        let mut command = command(TIME, 900);
        command.args(["--quiet", "--format=%M", "--output"]).arg(&peak_file).arg(program);
        command
    } else {
        command(program, 900)
    };
    let stdout = File::create(log).map_err(failed)?;
    let stderr = stdout.try_clone().map_err(failed)?;
    command
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(directory)
        .stdout(stdout)
        .stderr(stderr);

    let start = Instant::now();
    let status = command.status().map_err(failed)?;
    let wall = start.elapsed();

    let peak = fs::read_to_string(&peak_file).ok().and_then(|text| text.trim().parse::<f64>().ok());
    Ok(Finished {
        sample: Sample { wall, peak_mib: peak.map(|kib| kib / 1024.0) },
        success: status.success(),
        output: String::from_utf8_lossy(&fs::read(log).map_err(failed)?).into_owned(),
    })
}
