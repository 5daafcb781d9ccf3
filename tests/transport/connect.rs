//! Which connections are opened, and why some fail.

use std::fs;
use std::time::{Duration, Instant};

use rabbitup::model::HostName;
use rabbitup::transport::{Counts, HostKeyPolicy, SshTarget, SshTransport, Transport, TransportErrorKind};

use crate::sshd::{Sshd, argument, free_port, host, keygen, run, text, transport};

fn kill(pid: &str) {
    let killed = std::process::Command::new("kill").args(["-9", pid]).status();
    assert!(killed.expect("kill runs").success());
}

#[tokio::test]
async fn many_scripts_need_one_connection() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.transport();
    let (first, second) = tokio::join!(run(&ssh, argument("echo one")), run(&ssh, argument("echo two")));
    assert_eq!((text(&first.expect("one")), text(&second.expect("two"))), ("one\n".into(), "two\n".into()));
    let many = (0..20).map(|n| {
        let ssh = ssh.clone();
        tokio::spawn(async move { run(&ssh, argument(&format!("sleep 0.1; echo {n}"))).await })
    });
    for (n, task) in many.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(text(&task.await.expect("it ends").expect("it runs")), format!("{n}\n"));
    }
    assert_eq!(ssh.counts(), Counts { connections: 1, execs: 22 });
    assert_eq!(sshd.logins(), 1);
    ssh.close().await;
    let after = Instant::now() + Duration::from_secs(5);
    while !sshd.log().contains("Disconnected from") && !sshd.log().contains("disconnected by user") {
        assert!(Instant::now() < after, "the connection outlives close(): {}", sshd.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_second_run_finds_the_connection_of_the_first() {
    let Some(mut sshd) = Sshd::start() else { return };
    let target = SshTarget { persist: Duration::from_secs(20), ..sshd.target() };
    let first = transport(target.clone());
    run(&first, argument("echo one")).await.expect("it runs");
    first.close().await;
    let second = transport(target.clone());
    run(&second, argument("echo two")).await.expect("it runs");
    assert_eq!(second.counts(), Counts { connections: 0, execs: 1 });
    assert_eq!(sshd.logins(), 1);
    // Another identity cannot use it: it must log in itself.
    let other = Some(sshd.write_config("known", "other"));
    let other = transport(SshTarget { config: other, ..target.clone() });
    let refused = run(&other, argument("echo three")).await.expect_err("another key");
    assert_eq!(refused.kind, TransportErrorKind::AuthenticationRefused);

    // The host went down: the second run's connection is dead, and the third run notices.
    let sshd_pid = sshd.session_pid(&second).await;
    sshd.stop();
    kill(&sshd_pid);
    let third = transport(target);
    let gone = run(&third, argument("echo four")).await.expect_err("nobody is there");
    assert_eq!(gone.kind, TransportErrorKind::NoConnection, "{gone}");
}

#[tokio::test]
async fn a_connection_that_died_between_runs_is_replaced() {
    let Some(sshd) = Sshd::start() else { return };
    let target = SshTarget { persist: Duration::from_secs(20), ..sshd.target() };
    let first = transport(target.clone());
    let sshd_pid = sshd.session_pid(&first).await;
    first.close().await;
    // Like a host that disappears silently: the master notices nothing until the kernel answers with a reset.
    kill(&sshd_pid);
    let second = transport(target);
    assert_eq!(text(&run(&second, argument("echo back")).await.expect("it runs")), "back\n");
    second.close().await;
}

#[tokio::test]
async fn hosts_with_a_changed_or_unknown_key_are_refused() {
    let Some(sshd) = Sshd::start() else { return };
    let wrong = fs::read_to_string(sshd.path("other.pub")).expect("a key");
    fs::write(sshd.path("wrong"), format!("[127.0.0.1]:{} {wrong}", sshd.port))
        .expect("a wrong key is known");
    fs::write(sshd.path("none"), "").expect("no key is known");
    let with = |known: &str, host_keys| {
        transport(SshTarget { config: Some(sshd.write_config(known, "user")), host_keys, ..sshd.target() })
    };
    for policy in [HostKeyPolicy::Strict, HostKeyPolicy::AcceptNew] {
        let error = run(&with("wrong", policy), argument("true")).await.expect_err("a wrong key");
        assert_eq!(error.kind, TransportErrorKind::HostKeyChanged, "{error}");
        assert!(error.evidence.contains("Offending ED25519 key in"), "{error}");
    }
    let error =
        run(&with("none", HostKeyPolicy::Strict), argument("true")).await.expect_err("an unknown key");
    assert_eq!(error.kind, TransportErrorKind::HostKeyUnknown, "{error}");
    assert_eq!(sshd.logins(), 0);
    run(&with("none", HostKeyPolicy::AcceptNew), argument("true")).await.expect("a new key");
    assert!(fs::read_to_string(sshd.path("none")).expect("the file").contains("ssh-ed25519"));
}

#[tokio::test]
async fn a_refused_login_and_a_refused_port_are_distinguished_and_fail_fast() {
    let Some(sshd) = Sshd::start() else { return };
    keygen(&sshd.path("stranger"));
    let config = Some(sshd.write_config("known", "stranger"));
    let error = run(&transport(SshTarget { config, ..sshd.target() }), argument("true"))
        .await
        .expect_err("a stranger");
    assert_eq!(error.kind, TransportErrorKind::AuthenticationRefused, "{error}");
    assert!(error.evidence.contains("Permission denied"), "{error}");

    let started = Instant::now();
    let nobody = transport(SshTarget { port: Some(free_port()), ..sshd.target() });
    let error = run(&nobody, argument("true")).await.expect_err("nobody listens");
    assert_eq!(error.kind, TransportErrorKind::NoConnection, "{error}");
    assert!(error.evidence.contains("Connection refused"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());

    // As in a hand-edited saved plan.
    let patient = SshTarget { connect_timeout: Duration::MAX, port: Some(free_port()), ..sshd.target() };
    let error = run(&transport(patient), argument("true")).await.expect_err("nobody listens");
    assert_eq!(error.kind, TransportErrorKind::NoConnection, "{error}");

    let nowhere = SshTarget { destination: "nowhere.invalid".into(), ..sshd.target() };
    let error = run(&transport(nowhere), argument("true")).await.expect_err("no such name");
    assert_eq!(error.kind, TransportErrorKind::NameUnknown, "{error}");
}

#[tokio::test]
async fn a_silent_host_times_out() {
    let Some(sshd) = Sshd::start() else { return };
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    let port = silent.local_addr().expect("it has an address").port();
    let started = Instant::now();
    let connect_timeout = Duration::from_secs(1);
    let target = SshTarget { port: Some(port), connect_timeout, ..sshd.target() };
    let error = run(&transport(target), argument("true")).await.expect_err("nobody answers");
    assert_eq!(error.kind, TransportErrorKind::NoConnection, "{error}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_jump_host_sees_one_login_for_all_hosts() {
    let Some(mut gate) = Sshd::start() else { return };
    let gate_port = gate.port;
    let Some(inner) = Sshd::start() else { return };
    let both = |name: &str| {
        fs::read_to_string(gate.path(name)).expect("a file")
            + &fs::read_to_string(inner.path(name)).expect("a file")
    };
    fs::write(inner.path("known"), both("known")).expect("both keys are known");
    fs::write(gate.path("authorized"), both("authorized")).expect("the key may pass the gate");
    let names = ["node1", "node2", "node3"].map(|name| HostName::parse(name).expect("a name"));
    let target = |user: Option<&str>| SshTarget {
        jump: Some(format!("127.0.0.1:{gate_port}")),
        user: user.map(str::to_owned),
        ..inner.target()
    };
    let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
    // The second one names the default user explicitly, so it has its own connection.
    let targets = [target(None), target(Some(&user)), target(None)];
    let ssh = SshTransport::new(names.iter().cloned().zip(targets).collect());
    let (a, b, c) = tokio::join!(
        ssh.exec(&names[0], argument("echo a"), None),
        ssh.exec(&names[1], argument("echo b"), None),
        ssh.exec(&names[2], argument("echo c"), None)
    );
    assert_eq!([a, b, c].map(|output| text(&output.expect("it runs"))), ["a\n", "b\n", "c\n"]);
    assert_eq!((gate.logins(), inner.logins()), (1, 3));
    ssh.close().await;

    gate.stop();
    let error = run(&transport(target(None)), argument("true")).await.expect_err("no gate");
    assert_eq!(error.kind, TransportErrorKind::NoConnection);
    assert!(error.evidence.starts_with("jump host ssh://127.0.0.1"), "{error}");
}

#[tokio::test]
async fn a_login_of_its_own_tells_whether_another_one_would_work() {
    let Some(mut sshd) = Sshd::start() else { return };
    let target = SshTarget { persist: Duration::from_secs(20), ..sshd.target() };
    let ssh = transport(target);
    run(&ssh, argument("echo one")).await.expect("it runs");
    ssh.log_in(&host()).await.expect("it is let in");
    assert_eq!(sshd.logins(), 2);
    // What is open goes on, whatever happens to new ones.
    sshd.stop();
    let refused = ssh.log_in(&host()).await.expect_err("nobody listens");
    assert_eq!(refused.kind, TransportErrorKind::NoConnection);
    assert_eq!(text(&run(&ssh, argument("echo two")).await.expect("it runs")), "two\n");
    ssh.close().await;
}
