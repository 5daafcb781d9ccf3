//! How long a bring-up takes: rabbitup, its peers, and the same by hand, on the same hosts in turn.
//! `benches/README.md` says what is measured and how to read the tables.

#[path = "bring_up/contenders.rs"]
mod contenders;
#[path = "bring_up/lab.rs"]
mod lab;
#[path = "bring_up/report.rs"]
mod report;
#[path = "bring_up/run.rs"]
mod run;
#[path = "bring_up/verify.rs"]
mod verify;

use std::env;
use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use contenders::{Connections, Contender, Setup, Stage, Task, contenders};
use lab::{Lab, Release};
use report::Report;

/// How often the stages that take seconds, not a minute, are measured on each set of hosts.
const REPEATS: usize = 3;

/// 42 characters; the same for every contender.
const COOKIE: &str = "bench-cookie-0123456789-abcdefghijklmnopqr";

fn main() -> ExitCode {
    match bench() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("bring_up: {message}");
            ExitCode::FAILURE
        }
    }
}

/// What the environment asks for.
struct Choice {
    rounds: usize,
    stages: Vec<Stage>,
    contenders: Vec<Contender>,
}

/// Measures and prints; false when a contender did not do its job.
fn bench() -> Result<bool, String> {
    let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    require_tools()?;
    // Short, since sockets live in it.
    let work = env::temp_dir().join(format!("rabbitup-bench-{}", std::process::id()));
    private_folder(&work)?;
    let work = Work(work);
    let release = release()?;
    let lab = Lab::new(&repository, release);
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository.join("target"), PathBuf::from);
    let setup = Setup {
        work: work.0.clone(),
        logs: target.join("bench-logs"),
        venv: target.join("bench-venv"),
        rabbitup: PathBuf::from(env!("CARGO_BIN_EXE_rabbitup")),
        ssh_config: lab.ssh_config(),
        known_hosts: lab.known_hosts(),
        cookie: work.0.join("cookie"),
        repository,
    };
    let choice = choice(&setup, release)?;
    write_inputs(&setup)?;
    fs::create_dir_all(&setup.logs).map_err(|error| format!("{}: {error}", setup.logs.display()))?;
    if choice.contenders.iter().any(Contender::needs_venv) {
        install_peers(&setup)?;
    }

    let mut report = Report::default();
    for round in 0..choice.rounds {
        // Every round begins with another contender, so that none always comes first.
        let order = (0..choice.contenders.len()).map(|index| (index + round) % choice.contenders.len());
        for contender in order.map(|index| &choice.contenders[index]) {
            eprintln!("round {} of {}: {}", round + 1, choice.rounds, contender.name);
            lab.fresh_hosts()?;
            run_contender(contender, &choice.stages, &setup, &lab, &mut report)?;
        }
    }
    for stage in &choice.stages {
        print!("{}", report.markdown(*stage));
    }
    Ok(!report.has_faults())
}

/// A cold bring-up, and then, if that is right, the stages that follow it on the same hosts.
fn run_contender(
    contender: &Contender,
    stages: &[Stage],
    setup: &Setup,
    lab: &Lab,
    report: &mut Report,
) -> Result<(), String> {
    for task in &contender.tasks {
        if task.stage != Stage::Cold && !stages.contains(&task.stage) {
            continue;
        }
        let sockets = Sockets::new(&setup.work)?;
        let repeats = if task.stage == Stage::Cold { 1 } else { REPEATS };
        for repeat in 0..repeats {
            let logins = lab.logins()?;
            if task.connections == Connections::Open {
                if repeat == 0 {
                    run_task(task, setup, &sockets)?;
                }
            } else {
                sockets.renew()?;
            }
            let before = if task.connections == Connections::Open { lab.logins()? } else { logins };
            let finished = run_task(task, setup, &sockets)?;
            let logins = lab.logins()? - before;

            let result = if !finished.success {
                Err(format!("it failed: {}", last_lines(&finished.output)))
            } else if task.stage == Stage::Cold {
                verify::verify(lab, &md5(&setup.cookie)?)
            } else if !(task.nothing_to_do)(&finished.output) {
                Err(format!("it found something to do: {}", last_lines(&finished.output)))
            } else {
                Ok(())
            };
            let wall = finished.sample.wall.as_secs_f64();
            match result {
                Ok(()) => {
                    eprintln!("  {:4} {:48} {wall:8.2} s, {logins} logins", task.stage.name(), task.row);
                    if stages.contains(&task.stage) {
                        report.sample(task.row, task.stage, finished.sample, logins);
                    }
                }
                Err(fault) => {
                    eprintln!("  {:4} {:48} {wall:8.2} s, WRONG: {fault}", task.stage.name(), task.row);
                    report.fault(task.row, task.stage, fault);
                    if task.stage == Stage::Cold {
                        return Ok(());
                    }
                }
            }
        }
    }
    Ok(())
}

fn run_task(task: &Task, setup: &Setup, sockets: &Sockets) -> Result<run::Finished, String> {
    let mut environment = task.environment.clone();
    let folder = sockets.0.to_string_lossy().into_owned();
    // Where Ansible, rabbitup and the scripts keep the sockets of their open connections.
    for name in ["ANSIBLE_SSH_CONTROL_PATH_DIR", "XDG_RUNTIME_DIR", "BENCH_SOCKETS"] {
        environment.push((name.to_owned(), folder.clone()));
    }
    run::measure(&task.program, &task.arguments, &environment, &setup.work, &setup.logs.join(task.log_name()))
}

/// The hosts' system.
fn release() -> Result<Release, String> {
    let mut releases = chosen("BENCH_RELEASE", Release::ALL.into(), |release| release.name())?;
    // All of them where the variable is not set: then the one that every contender knows.
    if env::var_os("BENCH_RELEASE").is_none() {
        releases.truncate(1);
    }
    match releases.as_slice() {
        [release] => Ok(*release),
        _ => Err("BENCH_RELEASE names one release".to_owned()),
    }
}

fn choice(setup: &Setup, release: Release) -> Result<Choice, String> {
    let rounds = match env::var("BENCH_ROUNDS") {
        Ok(text) => text.parse().ok().filter(|rounds| (1..=100).contains(rounds)),
        Err(_) => Some(3),
    };
    let rounds = rounds.ok_or("BENCH_ROUNDS is not a number from 1 to 100")?;
    let stages = chosen("BENCH_STAGES", Stage::ALL.into(), |stage| stage.name())?;
    let mut all = contenders(setup);
    if release == Release::El9 {
        all.retain(|contender| contender.name == "rabbitup");
    }
    let contenders = chosen("BENCH_ONLY", all, |contender| contender.name)?;
    Ok(Choice { rounds, stages, contenders })
}

/// Of all items those whose names the variable lists; all of them where it is not set.
fn chosen<T>(variable: &str, all: Vec<T>, name: impl Fn(&T) -> &'static str) -> Result<Vec<T>, String> {
    let Ok(list) = env::var(variable) else { return Ok(all) };
    let wanted: Vec<&str> = list.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    let known: Vec<&str> = all.iter().map(&name).collect();
    match wanted.iter().find(|word| !known.contains(word)) {
        _ if wanted.is_empty() => Ok(all),
        Some(word) => Err(format!("{variable} names '{word}'; there are: {}", known.join(", "))),
        None => Ok(all.into_iter().filter(|item| wanted.contains(&name(item))).collect()),
    }
}

fn require_tools() -> Result<(), String> {
    let id = std::process::Command::new("id").arg("-u").output().map_err(|error| format!("id: {error}"))?;
    if id.stdout.trim_ascii() != b"0" {
        return Err("this benchmark needs root, because it boots its hosts as containers".to_owned());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let missing: Vec<&str> =
        ["systemd-nspawn", "mmdebstrap", "apt-ftparchive", "ip", "nsenter", "ssh", "python3"]
            .into_iter()
            .filter(|tool| !folders.iter().any(|folder| folder.join(tool).exists()))
            .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "{} is missing; `tests/lab/install-tools.sh lab` and the package python3-venv have it",
            missing.join(", ")
        ))
    }
}

/// The peers, pinned, in a virtual environment that is kept as long as `requirements.txt` is the same.
fn install_peers(setup: &Setup) -> Result<(), String> {
    let wanted = setup.repository.join("benches/requirements.txt");
    let installed = setup.venv.join("requirements.txt");
    let read = |path: &Path| fs::read(path).ok();
    if read(&installed).is_some() && read(&installed) == read(&wanted) {
        return Ok(());
    }
    eprintln!("installing the peers of benches/requirements.txt");
    let mut venv = run::command("python3", 300);
    venv.args(["-m", "venv", "--clear"]).arg(&setup.venv);
    let mut pip = run::command(setup.venv.join("bin/pip"), 600);
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&wanted);
    for mut command in [venv, pip] {
        let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!(
                "the peers could not be installed (python3-venv and a package index are needed): {}",
                last_lines(&text)
            ));
        }
    }
    fs::copy(&wanted, &installed).map_err(|error| format!("{}: {error}", installed.display()))?;
    Ok(())
}

/// The cookie and rabbitup's inventories.
fn write_inputs(setup: &Setup) -> Result<(), String> {
    let template = include_str!("inventory.toml");
    write_private(&setup.cookie, COOKIE)?;
    for (persist, seconds) in [(false, "0s"), (true, "60s")] {
        let text = template
            .replace("@COOKIE@", &setup.cookie.to_string_lossy())
            .replace("@SSH_CONFIG@", &setup.ssh_config.to_string_lossy())
            .replace("@PERSIST@", seconds);
        write_private(&setup.inventory(persist), &text)?;
    }
    Ok(())
}

fn write_private(path: &Path, text: &str) -> Result<(), String> {
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn private_folder(path: &Path) -> Result<(), String> {
    DirBuilder::new().mode(0o700).create(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// As the hosts themselves compute it.
fn md5(path: &Path) -> Result<String, String> {
    let output = run::command("md5sum", 10).arg(path).output().map_err(|error| format!("md5sum: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.split(' ').next().map(str::to_owned).ok_or_else(|| "md5sum says nothing".to_owned())
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(12)..].join("\n    ")
}

/// The directory of this run, removed at its end.
struct Work(PathBuf);

impl Drop for Work {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An empty directory for the sockets of open connections. What is left open ends by itself, since nobody
/// uses it any more or since its host is gone.
struct Sockets(PathBuf);

impl Sockets {
    fn new(work: &Path) -> Result<Self, String> {
        let sockets = Self(work.join("s"));
        sockets.renew()?;
        Ok(sockets)
    }

    fn renew(&self) -> Result<(), String> {
        let _ = fs::remove_dir_all(&self.0);
        private_folder(&self.0)
    }
}
