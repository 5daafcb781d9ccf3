//! The lock on a real host: exclusive, with the holder's name, and free as soon as the holder is gone.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rabbitup::apply::{LockError, Locks, Operator};
use rabbitup::transport::{SshTarget, SshTransport, Transport};

use crate::sshd::{Sshd, argument, host, run, transport};

fn operator(who: &str) -> Operator {
    Operator { who: who.into(), pid: std::process::id(), playbook: "own 'it'".into() }
}

async fn lock(ssh: &Arc<SshTransport>, directory: &Path, who: &str) -> Result<Locks, LockError> {
    let directory = directory.to_str().expect("a path that is text");
    Locks::acquire_in(directory, ssh, [&host()], &operator(who)).await
}

#[tokio::test]
async fn a_second_operator_sees_the_lock_holder() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.transport();
    let directory = sshd.path("lock dir's");
    std::fs::create_dir(&directory).expect("a directory for the lock");
    let mine = lock(&ssh, &directory, "ann@desk").await.expect("it is free");
    assert_eq!(ssh.counts().execs, 1);
    let name = std::fs::read_to_string(directory.join("rabbitup.run")).expect("the run has a name there");
    let mode = std::fs::metadata(directory.join("rabbitup.run")).expect("it is there").permissions().mode();
    assert_eq!((name.trim().len(), mode & 0o777), (32, 0o600));
    let error = lock(&ssh, &directory, "bob@desk").await.expect_err("it is taken");
    let LockError::Held { owner, since, .. } = &error else { panic!("{error}") };
    assert_eq!(owner, &format!("ann@desk (process {}: own 'it')", std::process::id()));
    let age = since.and_then(|since| since.elapsed().ok()).expect("it is in the past");
    assert!(age < Duration::from_secs(10), "{age:?}");
    assert_eq!(mine.lost(), None);
    mine.release().await;
    assert!(!directory.join("rabbitup.owner").exists() && !directory.join("rabbitup.run").exists());
    let theirs = lock(&ssh, &directory, "bob@desk").await.expect("it is free again");
    let other = std::fs::read_to_string(directory.join("rabbitup.run")).expect("the run has a name there");
    assert_ne!(name, other, "each run has its own");
    drop(theirs);
    ssh.close().await;
}

#[tokio::test]
async fn a_host_without_the_directory_cannot_be_locked() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.transport();
    let error = lock(&ssh, &sshd.path("absent"), "ann@desk").await.expect_err("no directory");
    assert!(matches!(error, LockError::Impossible { .. }), "{error}");
    ssh.close().await;
}

#[tokio::test]
async fn a_lock_whose_session_dies_is_reported() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.transport();
    let locks = lock(&ssh, &sshd.path(""), "ann@desk").await.expect("it is free");
    let lost = locks.next_lost();
    let pid = sshd.session_pid(&ssh).await;
    let _ = run(&ssh, argument(&format!("kill -9 {pid}"))).await;
    let host_lost = tokio::time::timeout(Duration::from_secs(5), lost).await.expect("it is noticed");
    assert_eq!((host_lost.clone(), locks.lost()), (host(), Some(host_lost)));
}

/// Runs in a separate process, which the test below kills.
#[tokio::test]
#[ignore = "only as a part of the test below"]
async fn holds_a_lock_until_it_is_killed() {
    let Ok(spec) = std::env::var("RABBITUP_TEST_LOCK") else { return };
    let (port, directory) = spec.split_once(' ').expect("a port and a directory");
    let directory = Path::new(directory);
    let ssh = transport(SshTarget {
        port: port.parse().ok(),
        config: Some(directory.join("config-known-user")),
        persist: Duration::from_secs(30),
        ..SshTarget::new("127.0.0.1")
    });
    let _locks = lock(&ssh, directory, "killed@desk").await.expect("it is free");
    std::fs::write(directory.join("locked"), "").expect("a sign is given");
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_lock_does_not_outlive_a_killed_process_although_its_connection_does() {
    let Some(sshd) = Sshd::start() else { return };
    let this = std::env::current_exe().expect("this test");
    let mut child = tokio::process::Command::new(this)
        .args(["--ignored", "--exact", "lock::holds_a_lock_until_it_is_killed"])
        .env("RABBITUP_TEST_LOCK", format!("{} {}", sshd.port, sshd.path("").display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("this test runs again");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !sshd.path("locked").exists() {
        assert!(Instant::now() < deadline, "the child does not lock");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let target = SshTarget { persist: Duration::from_secs(30), ..sshd.target() };
    let ssh = transport(target);
    let error = lock(&ssh, &sshd.path(""), "ann@desk").await.expect_err("it is taken");
    assert!(error.to_string().contains("killed@desk"), "{error}");

    // Like `kill -9`.
    child.kill().await.expect("it is killed");
    let killed = Instant::now();
    let locks = loop {
        match lock(&ssh, &sshd.path(""), "ann@desk").await {
            Ok(locks) => break locks,
            Err(error) => assert!(killed.elapsed() < Duration::from_secs(5), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    eprintln!("free {} ms after the kill", killed.elapsed().as_millis());
    // The killed process's connection keeps working.
    assert_eq!((ssh.counts().connections, sshd.logins()), (0, 1));
    locks.release().await;
    ssh.close().await;
}
