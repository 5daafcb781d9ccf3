//! Login shells that are no POSIX shells, restrict commands, or run none.

use std::fs;
use std::process::Command;
use std::time::Duration;

use rabbitup::transport::{SshTarget, Transport, TransportErrorKind};

use crate::pollution::with_command;
use crate::sshd::{argument, run, stdin, text, transport};

/// A login shell, and how many commands its first script takes; later ones take one.
const SHELLS: [(&str, u64); 5] =
    [("sh", 1), ("tcsh -f", 1), ("fish --no-config", 1), ("bsd-csh -f", 2), ("bash --norc -r", 2)];

/// A probe is as long.
fn script() -> String {
    format!("{SCRIPT}\n: {}\n", "x".repeat(40_000))
}

const SCRIPT: &str = "cat <<'END'\nit's \\ and !! and é\nEND\necho \"$((1 + 1))\" '$HOME'";
const PRINTED: &str = "it's \\ and !! and é\n2 $HOME\n";

#[tokio::test]
async fn scripts_run_whatever_the_login_shell_is() {
    for (shell, first) in SHELLS {
        let words: Vec<&str> = shell.split(' ').collect();
        if Command::new(words[0]).args(&words[1..]).args(["-c", "exit"]).output().is_err() {
            assert!(std::env::var_os("CI").is_none(), "CI lacks {shell}");
            eprintln!("SKIPPED: {shell} is not installed here, and was NOT TESTED");
            continue;
        }
        let Some(sshd) = with_command(&format!("exec {shell} -c \"$SSH_ORIGINAL_COMMAND\"")) else { return };
        let ssh = sshd.transport();
        let output = run(&ssh, argument(&script())).await.expect("it runs");
        assert_eq!((text(&output).as_str(), ssh.counts().execs), (PRINTED, first), "{shell}");
        let output = run(&ssh, stdin(SCRIPT)).await.expect("it runs");
        assert_eq!((text(&output).as_str(), ssh.counts().execs), (PRINTED, first + 1), "{shell}");
        let held = ssh.hold(&crate::sshd::host(), "echo here; cat".to_owned(), Duration::from_secs(10)).await;
        assert_eq!(held.expect("it holds").0, "here", "{shell}");
        assert_eq!(ssh.counts().connections, 1);
        ssh.close().await;
    }
}

/// A new login is needed, since sshd looks up the login's shell only then.
#[tokio::test]
async fn a_login_shell_that_runs_nothing_is_named_and_another_one_works_at_once() {
    let cases = [
        ("echo 'This account is currently not available.'; exit 1", "the login runs no commands"),
        (
            "case $SSH_ORIGINAL_COMMAND in echo*) exec sh -c \"$SSH_ORIGINAL_COMMAND\";; esac; echo no >&2; exit 1",
            "the login shell of root is ",
        ),
    ];
    for (shell, why) in cases {
        let file = std::env::temp_dir().join(format!("rabbitup-shell-{}", std::process::id()));
        fs::write(&file, shell).expect("a shell");
        let Some(sshd) = with_command(&format!(". {}", file.display())) else { return };
        // The connection of an earlier run.
        let target = SshTarget { persist: Duration::from_secs(30), ..sshd.target() };
        let earlier = transport(target.clone());
        let error = run(&earlier, argument("echo ok")).await.expect_err("no script runs");
        assert_eq!(error.kind, TransportErrorKind::LoginShell, "{error}");
        assert!(error.evidence.contains(why), "{error}");
        earlier.close().await;

        fs::write(&file, "exec sh -c \"$SSH_ORIGINAL_COMMAND\"").expect("another shell");
        let later = transport(target);
        assert_eq!(text(&run(&later, argument("echo ok")).await.expect("it runs")), "ok\n");
        assert_eq!(later.counts().connections, 1, "it does not use the connection of before");
        later.close().await;
        let _ = fs::remove_file(file);
    }
}
