//! Hosts whose logins print, wait, change the shell or lie: the result is the same, or the host is rejected in time.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rabbitup::apply::gather;
use rabbitup::facts::{Facts, HostFacts, Lookup, Observation, ProbeRequest, Unreachable, UnreachableCause};
use rabbitup::inventory::{Become, HostKeys, Ssh};
use rabbitup::model::{NameMode, NodeName};
use rabbitup::plan::PlannedHost;
use rabbitup::rabbitmq::listeners::Security;
use rabbitup::transport::{Exec, SshTransport, Transport, TransportErrorKind};

use crate::sshd::{Sshd, argument, host, run, stdin, text};

/// The effect of a line in a login script.
const POLLUTED: [(&str, &str); 15] = [
    ("prints", "echo Welcome; echo 'no line end' | tr -d '\\n'; echo on stderr >&2"),
    ("prints what a terminal obeys", "printf '\\033[2J\\033]0;title\\007\\233\\342\\200\\256'"),
    ("prints half a megabyte", "head -c 500000 /dev/zero | tr '\\0' x"),
    ("stands elsewhere", "cd /tmp; CDPATH=/usr; export CDPATH"),
    (
        "stops at errors and traces",
        "set -eux; trap 'echo trapped' EXIT ERR DEBUG; alias printf=false cat=false",
    ),
    ("lets nobody in", "umask 077"),
    ("speaks German", "export LANG=de_DE.UTF-8 LC_ALL=de_DE.UTF-8 LANGUAGE=de TZ=Asia/Tokyo"),
    ("has a path of its own", "PATH=/nonexistent"),
    ("has no path", "unset PATH"),
    ("has fields of its own", "IFS=o; export IFS PS4='+ ' POSIXLY_CORRECT=1 GREP_OPTIONS=-v"),
    ("shares its functions", "printf() { echo forged; }; cat() { :; }; export -f printf cat"),
    ("makes other shells noisy", "export BASH_ENV=$HOME/noise ENV=$HOME/noise"),
    ("shares its options", "set -o noclobber; export SHELLOPTS BASHOPTS"),
    (
        "wants colours",
        "export TERM=xterm-256color CLICOLOR_FORCE=1 SYSTEMD_COLORS=1 SYSTEMD_PAGER=cat LESS=x",
    ),
    ("is slow", "sleep 1"),
];

/// A host whose login shell reads these lines before every command.
fn with_login(lines: &str) -> Option<Sshd> {
    let home = std::env::temp_dir().join(format!("rabbitup-login-{}-{:x}", std::process::id(), rand_word()));
    fs::create_dir(&home).expect("a home");
    fs::write(home.join(".bashrc"), format!("{lines}\n")).expect("a login script");
    fs::write(home.join("noise"), "echo noise; echo noise >&2\n").expect("a noisy file");
    fs::write(home.join("banner"), "\u{1b}[2JAll access is logged\n").expect("a banner");
    let settings = format!("SetEnv HOME={0} SHLVL=0\nBanner {0}/banner\n", home.display());
    Sshd::start_with(&settings)
}

fn rand_word() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}

/// A host that runs every command through this one, which finds it in `$SSH_ORIGINAL_COMMAND`.
pub fn with_command(command: &str) -> Option<Sshd> {
    let path = std::env::temp_dir().join(format!("rabbitup-forced-{}-{:x}", std::process::id(), rand_word()));
    fs::write(&path, format!("#!/bin/sh\n{command}\n")).expect("a command");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode is set");
    Sshd::start_with(&format!("ForceCommand {}\n", path.display()))
}

fn planned() -> PlannedHost {
    let probe = ProbeRequest {
        names: vec![host()],
        packages: vec!["dpkg".to_owned()],
        installable: Vec::new(),
        candidates: Vec::new(),
        broker_version: String::new(),
        units: vec!["dbus".to_owned()],
        files: vec!["/etc/hosts".to_owned(), "/etc/passwd".to_owned()],
        node: Some(NodeName::parse("no-such-node@localhost").expect("a node name")),
        name_mode: NameMode::Short,
        admin: None,
        plugins: Vec::new(),
        reach: Vec::new(),
        load_balancer_port: Some(1),
        load_balancer_security: Security::Plain,
        runtime_socket: Some("127.0.0.1:1".to_owned()),
        virtual_address: Default::default(),
        vips: Vec::new(),
        firewall: Lookup::Wanted,
    };
    let ssh = Ssh {
        destination: "127.0.0.1".to_owned(),
        user: None,
        port: None,
        identity: None,
        config: None,
        jump: None,
        host_keys: HostKeys::Strict,
        r#become: Become::Auto,
        connect_timeout: Duration::from_secs(10),
        persist: Duration::ZERO,
    };
    PlannedHost { name: host(), ssh, probe }
}

async fn look(ssh: &Arc<SshTransport>) -> Facts {
    gather(ssh, &[planned()]).await
}

/// The facts without those that differ at every probe.
fn lasting(facts: &Facts) -> serde_json::Value {
    let facts = facts.host(&host()).unwrap_or_else(|| panic!("it was reached: {facts:?}"));
    assert!(facts.file("/etc/passwd").is_some_and(|file| file.content.is_some()), "{facts:?}");
    let facts = HostFacts { package_lock: None, ..facts.clone() };
    serde_json::to_value(facts).expect("facts have a JSON form")
}

fn refused(facts: &Facts) -> &Unreachable {
    match facts.hosts.get(&host()) {
        Some(Observation::Unreachable(why)) => why,
        other => panic!("it was taken for an answer: {other:?}"),
    }
}

const SHELL: &str =
    "id -u; pwd; umask; echo $LC_ALL; printf '%s\\n' $- | tr -d h; cat /dev/null; wc -c; bash -c 'echo bash'";

#[tokio::test]
async fn a_polluted_login_changes_nothing() {
    let Some(clean) = with_login(":") else { return };
    let ssh = clean.transport();
    let wanted = (text(&run(&ssh, argument(SHELL)).await.expect("it runs")), lasting(&look(&ssh).await));
    assert!(wanted.0.starts_with("0\n/\n0022\nC\n"), "{}", wanted.0);
    ssh.close().await;
    for (what, lines) in POLLUTED {
        let sshd = with_login(lines).expect("there was one before");
        let ssh = sshd.transport();
        for exec in [argument(SHELL), stdin(SHELL)] {
            let output = run(&ssh, exec).await.unwrap_or_else(|error| panic!("a login that {what}: {error}"));
            assert_eq!(text(&output), wanted.0, "a login that {what}");
        }
        assert_eq!(lasting(&look(&ssh).await), wanted.1, "a login that {what}");
        ssh.close().await;
    }
}

#[tokio::test]
async fn a_login_that_never_ends_is_given_up() {
    for lines in ["yes", "while :; do printf '\\033[2J'; done", "yes >&2", "exec sleep 60"] {
        let Some(sshd) = with_login(lines) else { return };
        let ssh = sshd.transport();
        let started = Instant::now();
        let exec = Exec { timeout: Duration::from_secs(2), ..argument("echo hello") };
        let error = run(&ssh, exec).await.expect_err("nothing ran");
        // Too much output ends it early; otherwise it times out.
        let kinds = [TransportErrorKind::TooMuchOutput, TransportErrorKind::TimedOut];
        let kinds = if lines == "yes" { &kinds[..1] } else { &kinds[..] };
        assert!(kinds.contains(&error.kind), "{lines}: {error}");
        assert!(error.evidence.len() < 10_000, "{lines}: {} bytes", error.evidence.len());
        assert!(started.elapsed() < Duration::from_secs(8), "{lines}: {:?}", started.elapsed());
        ssh.close().await;
    }
}

#[tokio::test]
async fn a_login_that_ends_the_session_reports_its_output() {
    let Some(sshd) =
        with_login("printf 'Closed for \\033[1mmaintenance\\033[0m\\342\\200\\256\\n' >&2; exit 1")
    else {
        return;
    };
    let ssh = sshd.transport();
    let facts = look(&ssh).await;
    let why = refused(&facts);
    assert_eq!(why.cause, UnreachableCause::LoginShell);
    let runs_nothing = "the login runs no commands: its shell, or a ForceCommand, ends first";
    assert_eq!(why.evidence, format!("{runs_nothing}\nClosed for maintenance\u{fffd}"));
    ssh.close().await;
}

#[tokio::test]
async fn an_invalid_answer_is_refused() {
    const ASKED: &str = "sh -c \"$SSH_ORIGINAL_COMMAND\"";
    for (what, command) in [
        ("is cut", format!("{ASKED} | head -c 900")),
        ("lacks its last line", format!("{ASKED} | sed '$d'")),
        (
            "has another nonce",
            format!("{ASKED} | sed 's/^[0-9a-f]\\{{32\\}} /ffffffffffffffffffffffffffffffff /'"),
        ),
        ("is that of before", "printf 'rabbitup-0 root\\n0 clock 1\\n0 end\\n'".to_owned()),
        ("goes on for ever", format!("{ASKED}; yes")),
        ("is a menu", "echo '1) restart'; exit 0".to_owned()),
    ] {
        let Some(sshd) = with_command(&command) else { return };
        let ssh = sshd.transport();
        let started = Instant::now();
        let facts = look(&ssh).await;
        let why = refused(&facts);
        let causes = [UnreachableCause::Garbled, UnreachableCause::LoginShell];
        assert!(causes.contains(&why.cause), "an answer that {what}: {why:?}");
        assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
        ssh.close().await;
    }
}

#[tokio::test]
async fn an_answer_interrupted_by_a_failing_host_is_refused() {
    let command = "eval \"$SSH_ORIGINAL_COMMAND\" | head -c 500; kill -9 $PPID";
    let Some(sshd) = with_command(command) else { return };
    let ssh = sshd.transport();
    let facts = look(&ssh).await;
    let cause = refused(&facts).cause;
    assert!(matches!(cause, UnreachableCause::NoConnection | UnreachableCause::Garbled), "{cause:?}");
    ssh.close().await;
}

#[tokio::test]
async fn a_held_session_that_floods_is_given_up() {
    let Some(sshd) = with_command("printf '%s' \"$SSH_ORIGINAL_COMMAND\" >/dev/null; yes | tr -d '\\n'")
    else {
        return;
    };
    let ssh = sshd.transport();
    let started = Instant::now();
    let held = ssh.hold(&host(), "echo held; cat".to_owned(), Duration::from_secs(5)).await;
    assert_eq!(held.err().map(|error| error.kind), Some(TransportErrorKind::TooMuchOutput));
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    ssh.close().await;
}
