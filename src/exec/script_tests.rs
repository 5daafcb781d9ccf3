//! The script of a command, in real shells.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Answer, Ended, Fate, NoEnd, Order};
use crate::model::shells::shells;

/// A directory with a logger(1) that writes into a file.
struct Journal(PathBuf);

impl Journal {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("rabbitup-exec-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("a directory for temporary use");
        let logger = directory.join("logger");
        fs::write(&logger, "#!/bin/sh\ncat >>\"${0%/*}/journal\"\n").expect("it is written");
        fs::set_permissions(&logger, fs::Permissions::from_mode(0o755)).expect("its mode is set");
        Self(directory)
    }

    fn text(&self) -> String {
        fs::read_to_string(self.0.join("journal")).unwrap_or_default()
    }

    /// Runs the order in a shell; its input ends behind a line `go`.
    fn run(&self, shell: &[&str], order: &Order) -> Ended {
        let path = format!("{}:{}", self.0.display(), std::env::var("PATH").expect("there is one"));
        let mut child = Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", &order.script("N")])
            .env("PATH", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the shell runs");
        let mut stdin = child.stdin.take();
        let mut answer = Answer::new("N");
        for line in BufReader::new(child.stdout.take().expect("it is piped")).split(b'\n') {
            let line = line.expect("it is read");
            answer.take(&line);
            if line == b"go" {
                drop(stdin.take());
            }
            if answer.has_ended() {
                break;
            }
        }
        child.wait().expect("it ends");
        answer.ended(NoEnd::NotBegun)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn order(words: &[&str], seconds: u64) -> Order {
    let words = words.iter().map(|&word| word.to_owned()).collect();
    let name = format!("exec{:016x}", rand::random::<u64>());
    let shown = |line: &str| line.replace("S3CRET", "****");
    Order::new(words, name, Duration::from_secs(seconds), "ann@desk".to_owned(), shown).expect("it is short")
}

/// Whether a process on this machine has this word in its command line.
fn runs(word: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("this is Linux").flatten();
    let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.any(|line| line.split(|byte| *byte == 0).any(|found| found == word.as_bytes()))
}

fn await_end_of(word: &str) {
    let start = Instant::now();
    while runs(word) {
        assert!(start.elapsed() < Duration::from_secs(10), "sleep {word} goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn words_arrive_as_they_are_and_output_and_errors_keep_their_order() {
    let journal = Journal::new("words");
    let said = |shell: &[&str], words: &[&str]| {
        let ended = journal.run(shell, &order(words, 30));
        (ended.fate, ended.output)
    };
    for shell in shells() {
        let odd = ["printf", "%s|", "a b", "'", "$HOME `id`", "*", "\n# x\nN2 end exited 0 0", "-n", "é"];
        let wanted = odd[2..].join("|") + "|\n";
        assert_eq!(said(shell, &odd), (Fate::Exited(0), wanted), "{shell:?}");
        let mixed = said(shell, &["sh", "-c", "echo out; echo err >&2; echo; printf last; cat; exit 3"]);
        assert_eq!(mixed, (Fate::Exited(3), "out\nerr\n\nlast\n".to_owned()), "{shell:?}");
        assert_eq!(said(shell, &["true"]), (Fate::Exited(0), String::new()), "{shell:?}");
        assert_eq!(said(shell, &["echo"]), (Fate::Exited(0), "\n".to_owned()), "{shell:?}");
        assert_eq!(said(shell, &["sh", "-c", "kill -9 $$"]).0, Fate::Exited(137), "{shell:?}");
        assert_eq!(said(shell, &["there-is-none"]).0, Fate::Exited(127), "{shell:?}");
    }
}

#[test]
fn a_command_whose_time_is_up_ends_with_all_that_it_started() {
    let journal = Journal::new("time");
    for shell in shells() {
        let seconds = format!("4{}", rand::random_range(100_000..999_999));
        let script = format!("echo begun; sleep {seconds} & setsid sleep {seconds} & sleep {seconds}");
        let ended = journal.run(shell, &order(&["sh", "-c", &script], 1));
        assert_eq!((ended.fate, ended.output.as_str()), (Fate::TimedOut, "begun\n"), "{shell:?}");
        assert!(ended.took.is_some_and(|took| took >= Duration::from_secs(1)), "{shell:?}");
        await_end_of(&seconds);
    }
    // It has this code of its own accord.
    let own = journal.run(shells()[0], &order(&["sh", "-c", "exit 124"], 30));
    assert_eq!(own.fate, Fate::Exited(124));
}

#[test]
fn a_command_ends_when_nobody_waits_for_it_any_more() {
    let journal = Journal::new("released");
    for shell in shells() {
        let seconds = format!("4{}", rand::random_range(100_000..999_999));
        let script = format!("sleep {seconds} & setsid sleep {seconds} & echo go; sleep {seconds}");
        let ended = journal.run(shell, &order(&["sh", "-c", &script], 300));
        assert_eq!((ended.fate, ended.output.as_str()), (Fate::Interrupted, "go\n"), "{shell:?}");
        await_end_of(&seconds);
    }
}

/// The session ends with the command.
#[test]
fn what_a_command_leaves_behind_is_not_waited_for_and_goes_on() {
    let journal = Journal::new("left");
    let seconds = format!("4{}", rand::random_range(100_000..999_999));
    let script = format!("setsid sleep {seconds} >/dev/null 2>&1 & echo $!");
    let ended = journal.run(shells()[0], &order(&["sh", "-c", &script], 30));
    assert_eq!(ended.fate, Fate::Exited(0));
    let start = Instant::now();
    while !runs(&seconds) {
        assert!(start.elapsed() < Duration::from_secs(30), "it was ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed = Command::new("kill").arg(ended.output.trim()).status();
    assert!(killed.expect("kill runs").success());
}

#[test]
fn the_journal_has_who_ran_what_and_no_line_can_be_forged() {
    for shell in shells() {
        let journal = Journal::new("journal");
        journal.run(shell, &order(&["echo", "S3CRET", "a\nRABBITUP_LOGIN=x é"], 30));
        let text = journal.text();
        let message = text.lines().find(|line| line.starts_with("MESSAGE=")).expect("it is noted");
        let (who, what) = message.split_once(" command=").expect("the command is last");
        assert!(who.starts_with("MESSAGE=operator=ann@desk login=") && who.contains(" exec=exec"), "{who}");
        assert_eq!(what, "echo **** 'a RABBITUP_LOGIN=x ?'", "{shell:?}");
        assert_eq!(text.lines().filter(|line| line.starts_with("RABBITUP_LOGIN=")).count(), 1, "{text}");
    }
}

#[test]
fn a_command_that_is_too_long_is_refused() {
    let words = vec!["x".repeat(17 * 1024)];
    let order = Order::new(words, String::new(), Duration::from_secs(1), String::new(), str::to_owned);
    assert_eq!(order.expect_err("it is long").to_string(), "the command is longer than 16 KiB");
}
