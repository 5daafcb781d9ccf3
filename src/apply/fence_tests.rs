//! Two runs on one host, in real shells: a directory stands for /run, and a step writes a line.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::fence::{Frame, RunId, RunMark};
use super::run_fixtures::without_trail;
use super::script::render;
use crate::model::shells::{run_in, shells};
use crate::model::{HostName, NodeName, Secrets};
use crate::operation::{Operation, StopBroker};
use crate::plan::{Change, Phase, Step, StepId};

const AT_WORK: &str = include_str!("../facts/at_work.sh");

/// Of the calling shell itself, which may be a part of a pipeline: where a test pauses it.
const PAUSE: &str = "read -r self rest </proc/self/stat; kill -STOP $self";

/// A directory in place of /run.
struct Host(PathBuf);

impl Host {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("rabbitup-fence-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
        Self(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("it is ours");
    }

    /// What the steps and a later run have done.
    fn done(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("done")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn here(&self, text: &str) -> String {
        text.replace("/run/", &format!("{}/", self.0.display()))
    }

    /// A script of `run` with this many steps, each of which does `act`.
    fn script(&self, run: &RunId, steps: usize, act: &str) -> String {
        let host = HostName::parse("node1").expect("a host name");
        let step = |at: usize| Step {
            id: StepId::new(&host, &format!("step{at}")),
            host: host.clone(),
            phase: Phase::Start,
            change: Change::Command,
            title: String::new(),
            reason: String::new(),
            diff: None,
            after: Vec::new(),
            operation: Operation::StopBroker(StopBroker { node: NodeName::rabbit(&host) }),
            timeout_s: 1,
        };
        let steps: Vec<Step> = (0..steps).map(step).collect();
        let mark = RunMark { run: Some(run.clone()), operator: "ann@desk".into(), plan: String::new() };
        let frame = Frame { nonce: "nonce", mark: &mark };
        let text =
            render(&frame, &steps.iter().collect::<Vec<_>>(), &Secrets::default()).expect("no secrets");
        let text = String::from_utf8(without_trail(text.expose())).expect("UTF-8");
        self.here(&text.replacen("\nmain() {", &format!("\nstop_broker() {{ {act}; }}\nmain() {{"), 1))
    }

    /// Another run: it writes its name, waits for who is at work, and acts. As `lock.rs` and `cli/wait_for_steps.rs` do.
    fn newcomer(&self, run: &RunId) -> String {
        self.here(&format!(
            "{AT_WORK}\necho {} >/run/rabbitup.run\ntries=400\nwhile :; do\n  busy=\n  \
             for f in /run/rabbitup-*.work; do if at_work \"$f\"; then busy=yes; fi; done\n  \
             [ -n \"$busy\" ] || break\n  tries=$((tries - 1)); [ $tries != 0 ] || exit 9\n  sleep 0.01\ndone\n\
             echo newcomer >>/run/done\n",
            run.as_str()
        ))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// In a session of its own, as sshd starts it.
fn start(words: &[&str], script: &str) -> Child {
    let mut command = Command::new("setsid");
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the shell starts");
    child.stdin.take().expect("it is piped").write_all(script.as_bytes()).expect("the shell reads");
    child
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The process of the file `NAME` of a paused shell, which a test wrote there.
fn paused(host: &Host) -> Option<String> {
    let process = std::fs::read_to_string(host.path("paused")).ok()?.trim().to_owned();
    let stat = std::fs::read_to_string(Path::new("/proc").join(&process).join("stat")).ok()?;
    stat.rsplit(')').next()?.trim_start().starts_with('T').then_some(process)
}

fn go_on(process: &str) {
    assert!(Command::new("kill").args(["-CONT", process]).status().expect("kill runs").success());
}

#[test]
fn a_script_acts_only_while_the_host_is_its_runs() {
    for words in shells() {
        let host = Host::new("own");
        let (own, other) = (RunId::random(), RunId::random());
        let script = host.script(&own, 2, &host.here("echo acted >>/run/done"));
        let said = printed(&run_in(words, script.as_bytes()));
        assert!(said.contains("nonce unlocked") && host.done().is_empty(), "{words:?}, no run file: {said}");
        host.write("rabbitup.run", &format!("{}\n", other.as_str()));
        let said = printed(&run_in(words, script.as_bytes()));
        assert!(said.contains("nonce unlocked") && host.done().is_empty(), "{words:?}, another run: {said}");
        host.write("rabbitup.run", &format!("{}\n", own.as_str()));
        let said = printed(&run_in(words, script.as_bytes()));
        assert!(said.contains("nonce end node1/step1 0") && host.done().len() == 2, "{words:?}: {said}");
        assert!(!host.path("rabbitup-nonce.work").exists());
    }
}

#[test]
fn a_step_that_follows_is_not_begun_once_another_run_has_the_host() {
    for words in shells() {
        let host = Host::new("next");
        let own = RunId::random();
        host.write("rabbitup.run", &format!("{}\n", own.as_str()));
        let act = host.here("echo acted >>/run/done; echo another >/run/rabbitup.run");
        let said = printed(&run_in(words, host.script(&own, 2, &act).as_bytes()));
        assert!(said.contains("nonce end node1/step0 0") && !said.contains("step1"), "{words:?}: {said}");
        assert_eq!(host.done(), ["acted"]);
    }
}

#[test]
fn who_took_over_is_named_where_a_shell_holds_the_lock() {
    for words in shells() {
        let host = Host::new("named");
        host.write("rabbitup.run", "another\n");
        // As the lock's own shell does, which dash makes keep the file under another number while a command runs.
        let holder = host.here(
            "exec 9>>/run/rabbitup.lock\nread -r holder rest </proc/self/stat\n\
             printf '1\\tbob@desk\\t7\\tbring-up\\t%s\\n' \"$holder\" >/run/rabbitup.owner\ncat >/dev/null 9>&-\n",
        );
        let mut shell = Command::new(words[0]);
        shell.args(&words[1..]).args(["-c", &holder]).stdin(Stdio::piped());
        let mut shell = shell.spawn().expect("the shell starts");
        until("it holds the lock", || host.path("rabbitup.owner").metadata().is_ok_and(|m| m.len() > 0));
        let script = host.script(&RunId::random(), 1, "echo acted");
        let said = printed(&run_in(words, script.as_bytes()));
        assert!(
            said.contains("nonce taken ") && said.contains("\t1\tbob@desk\t7\tbring-up\t"),
            "{words:?}: {said}"
        );
        // It was killed, and could not remove its note.
        shell.kill().expect("it runs");
        shell.wait().expect("it ends");
        let said = printed(&run_in(words, script.as_bytes()));
        assert!(said.contains("nonce unlocked"), "{words:?}: {said}");
    }
}

/// Where a script is paused, and who acts first then.
#[test]
fn two_runs_never_act_at_once_wherever_a_script_pauses() {
    let pauses = [
        // Not announced yet: the other run sees nothing, and the script reads its name.
        ("\nannounce\n", "\nPAUSE\nannounce\n", "newcomer", None),
        // Announced, nothing compared: the other run waits, and the script finds its name.
        ("\nannounce\n", "\nannounce\nPAUSE\n", "", Some("newcomer")),
        // Compared and not begun: the other run waits for what was decided.
        ("\n  printf '%s begin ", "\n  PAUSE\n  printf '%s begin ", "", Some("acted newcomer")),
        // In the middle of the step.
        ("{ echo acted", "{ PAUSE; echo acted", "", Some("acted newcomer")),
    ];
    for words in shells() {
        for (at, with, first, then) in pauses {
            let host = Host::new("pause");
            let (own, other) = (RunId::random(), RunId::random());
            host.write("rabbitup.run", &format!("{}\n", own.as_str()));
            let pause = host.here(&PAUSE.replace("kill", "echo $self >/run/paused; kill"));
            let script = host.script(&own, 2, &host.here("echo acted >>/run/done"));
            assert!(script.contains(at), "the script has {at}");
            let script = script.replacen(at, &with.replace("PAUSE", &pause), 1);
            let old = start(words, &script);
            until("the script is paused", || paused(&host).is_some());
            let process = paused(&host).expect("it is paused");
            let new = start(words, &host.newcomer(&other));
            until("the other run wrote its name", || {
                std::fs::read_to_string(host.path("rabbitup.run"))
                    .is_ok_and(|text| text.trim() == other.as_str())
            });
            if first == "newcomer" {
                until("it need not wait", || host.done() == ["newcomer"]);
            } else {
                // Long enough for a dozen looks.
                std::thread::sleep(Duration::from_millis(150));
                assert_eq!(host.done(), Vec::<String>::new(), "{words:?} at {at:?}: it did not wait");
            }
            go_on(&process);
            let said = printed(&old.wait_with_output().expect("it ends"));
            assert!(new.wait_with_output().expect("it ends").status.success(), "{words:?} at {at:?}: {said}");
            assert_eq!(host.done().join(" "), then.unwrap_or("newcomer"), "{words:?} at {at:?}: {said}");
        }
    }
}

/// The same without pauses, as the machine has it.
#[test]
fn two_runs_that_race_act_one_after_the_other() {
    for round in 0..24 {
        let words = shells()[round % shells().len()];
        let host = Host::new("race");
        let (own, other) = (RunId::random(), RunId::random());
        host.write("rabbitup.run", &format!("{}\n", own.as_str()));
        let act = host.here("echo begins >>/run/done; sleep 0.01; echo ends >>/run/done");
        let old = start(words, &host.script(&own, 3, &act));
        std::thread::sleep(Duration::from_millis((round as u64 % 8) * 4));
        let new = start(words, &host.newcomer(&other));
        let said = printed(&old.wait_with_output().expect("it ends"));
        assert!(new.wait_with_output().expect("it ends").status.success(), "{words:?}: {said}");
        let done = host.done().join(" ");
        let whole = ["newcomer", "begins ends newcomer", "begins ends begins ends newcomer"];
        let all = "begins ends begins ends begins ends newcomer";
        assert!(done == all || whole.contains(&&*done), "{words:?}, round {round}: {done}\n{said}");
    }
}

/// The shell of a script may be killed; what it started goes on, and is waited for.
#[test]
fn processes_of_a_killed_shell_still_count_as_active() {
    for words in shells() {
        let host = Host::new("killed");
        let own = RunId::random();
        host.write("rabbitup.run", &format!("{}\n", own.as_str()));
        let mut old = start(
            words,
            &host.script(&own, 1, &host.here("echo $$ >/run/began; sleep 1; echo acted >>/run/done")),
        );
        until("the step runs", || host.path("began").metadata().is_ok_and(|m| m.len() > 0));
        old.kill().expect("it runs");
        old.wait().expect("it ends");
        let new = start(words, &host.newcomer(&RunId::random()));
        assert!(new.wait_with_output().expect("it ends").status.success());
        assert_eq!(host.done(), ["acted", "newcomer"], "{words:?}");
    }
}
