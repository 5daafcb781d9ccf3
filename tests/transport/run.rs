//! Execution of scripts and their results.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rabbitup::model::Secret;
use rabbitup::transport::{
    Exec, Output, Script, SshTarget, SshTransport, Transport, TransportError, TransportErrorKind,
};
use tokio::sync::{mpsc, watch};

use crate::sshd::{Sshd, argument, host, run, stdin, text, transport};

#[tokio::test]
async fn an_exit_code_is_not_a_transport_error() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.transport();
    for code in [0, 1, 75, 126, 127, 137, 255] {
        for exec in [
            argument(&format!("echo out; echo err >&2; exit {code}")),
            stdin(&format!("echo out; echo err >&2; exit {code}")),
        ] {
            let output = run(&ssh, exec).await.expect("it runs");
            assert_eq!((output.code, text(&output).as_str()), (code, "out\n"));
            assert_eq!(output.stderr, b"err\n");
        }
    }
    let output = run(&ssh, argument("kill -9 $$")).await.expect("it runs");
    assert_eq!(output.code, 137);
    ssh.close().await;
}

#[tokio::test]
async fn the_shell_is_roots_and_has_a_plain_environment() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.transport();
    for exec in [
        argument("id -u; echo $LC_ALL; pwd; umask; wc -c; echo $become"),
        stdin("id -u; echo $LC_ALL; pwd; umask; wc -c; echo $become"),
    ] {
        let output = run(&ssh, exec).await.expect("it runs");
        let said = text(&output);
        assert!(said.starts_with("0\nC\n/\n0022\n0\n"), "{said}");
        assert!(output.sent_at.expect("a time") <= output.first_line_at.expect("a time"));
    }
    ssh.close().await;
}

#[tokio::test]
async fn lines_arrive_as_they_are_printed() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.transport();
    let (sender, mut lines) = mpsc::unbounded_channel();
    let runs = tokio::spawn({
        let ssh = ssh.clone();
        async move { ssh.exec(&host(), stdin("echo one; sleep 1; echo two; printf three"), Some(sender)).await }
    });
    assert_eq!(lines.recv().await, Some(b"one".to_vec()));
    assert!(!runs.is_finished());
    let between = Instant::now();
    assert_eq!(lines.recv().await, Some(b"two".to_vec()));
    assert!(between.elapsed() > Duration::from_millis(500));
    assert_eq!(lines.recv().await, Some(b"three".to_vec()));
    assert_eq!(lines.recv().await, None);
    assert_eq!(text(&runs.await.expect("it ends").expect("it runs")), "one\ntwo\nthree");
    ssh.close().await;
}

/// If sudo does not ask, the root shell reads the password.
#[tokio::test]
async fn a_password_that_the_root_shell_could_execute_is_refused() {
    let Some(sshd) = Sshd::start() else { return };
    for (password, refused) in
        [("rabbitup-eval id", true), ("\trabbitup-eval", true), ("a rabbitup-eval id", false)]
    {
        let sudo_password = Some(Secret::new(password.as_bytes().to_vec()));
        let ssh = transport(SshTarget { sudo_password, ..sshd.target() });
        let ran = run(&ssh, argument("echo ran")).await;
        match ran {
            Ok(output) => assert!(!refused && text(&output) == "ran\n", "{password}"),
            Err(error) => {
                assert!(refused && error.kind == TransportErrorKind::SudoPasswordRefused, "{error}")
            }
        }
        ssh.close().await;
    }
}

#[tokio::test]
async fn a_secret_script_is_in_no_process_list() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.transport();
    let script = "secret=hunter2-hunter2\nps -eo args; tr '\\0' '\\n' </proc/self/environ; env";
    let said = text(&run(&ssh, stdin(script)).await.expect("it runs"));
    assert!(said.contains("sshd"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    ssh.close().await;
}

#[tokio::test]
async fn large_scripts_and_outputs_arrive_whole() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.transport();
    let long = "x".repeat(3 * 1024 * 1024);
    let output = run(&ssh, stdin(&format!("long={long}\necho ${{#long}}"))).await.expect("it runs");
    assert_eq!(text(&output), format!("{}\n", long.len()));
    let output = run(&ssh, argument("head -c 8000000 /dev/zero; head -c 1000000 /dev/zero >&2"))
        .await
        .expect("it runs");
    assert_eq!((output.stdout.len(), output.stderr.len()), (8_000_000, 256 * 1024));
    ssh.close().await;
}

#[tokio::test]
async fn endless_output_and_endless_scripts_are_given_up() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.transport();
    let error = run(&ssh, argument("yes")).await.expect_err("endless");
    assert_eq!(error.kind, TransportErrorKind::TooMuchOutput, "{error}");
    let started = Instant::now();
    let timeout = Duration::from_millis(500);
    let error =
        run(&ssh, Exec { timeout, ..argument("echo why >&2; exec sleep 5") }).await.expect_err("too slow");
    assert_eq!(error.kind, TransportErrorKind::TimedOut);
    assert!(error.evidence.contains("why"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(2));
    // The connection still works.
    assert_eq!(text(&run(&ssh, argument("echo on")).await.expect("it runs")), "on\n");
    assert_eq!(ssh.counts().connections, 1);
    ssh.close().await;
}

#[tokio::test]
async fn a_lost_connection_is_distinguished_from_an_exit() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.transport();
    let pid = sshd.session_pid(&ssh).await;
    let error =
        run(&ssh, argument(&format!("echo begun; kill -9 {pid}; sleep 5"))).await.expect_err("it is cut");
    assert_eq!(error.kind, TransportErrorKind::Lost, "{error}");
    assert_eq!(text(&run(&ssh, argument("echo again")).await.expect("a new connection")), "again\n");
    assert_eq!(ssh.counts().connections, 2);
    ssh.close().await;
}

#[tokio::test]
async fn scripts_beyond_sshds_session_limit_wait() {
    let Some(sshd) = Sshd::start_with("MaxSessions 9\n") else { return };
    let ssh = sshd.transport();
    let many = (0..24).map(|n| {
        let ssh = ssh.clone();
        tokio::spawn(async move { run(&ssh, argument(&format!("sleep 0.05; echo {n}"))).await })
    });
    for task in many.collect::<Vec<_>>() {
        task.await.expect("it ends").expect("it runs");
    }
    ssh.close().await;
}

/// A script that says when its input has ended.
async fn attended(
    ssh: &Arc<SshTransport>,
    mark: &std::path::Path,
) -> (tokio::task::JoinHandle<Result<Output, TransportError>>, watch::Sender<bool>) {
    // Within a second the input has no end.
    let text = format!("timeout 1 cat; echo $?; cat >/dev/null; echo over | tee {}", mark.display());
    let (release, released) = watch::channel(false);
    let exec = Exec { script: Script::Attended { text, released }, timeout: Duration::from_secs(20) };
    let (sender, mut lines) = mpsc::unbounded_channel();
    let ssh = ssh.clone();
    let runs = tokio::spawn(async move { ssh.exec(&host(), exec, Some(sender)).await });
    assert_eq!(lines.recv().await, Some(b"124".to_vec()), "its input is open");
    (runs, release)
}

#[tokio::test]
async fn an_attended_script_sees_the_end_of_its_input_when_it_is_released_or_dropped() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.transport();
    let mark = sshd.path("over");
    let (runs, release) = attended(&ssh, &mark).await;
    release.send_replace(true);
    let output = runs.await.expect("it ends").expect("it runs");
    assert_eq!((output.code, text(&output).as_str()), (0, "124\nover\n"));
    std::fs::remove_file(&mark).expect("it was written");

    let (runs, _release) = attended(&ssh, &mark).await;
    runs.abort();
    let start = Instant::now();
    while !mark.exists() {
        assert!(start.elapsed() < Duration::from_secs(10), "it goes on without its controller");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let output = run(&ssh, argument("echo next")).await.expect("the connection is as before");
    assert_eq!(text(&output), "next\n");
    ssh.close().await;
}
