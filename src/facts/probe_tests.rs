//! What the probe's scripts do in real shells.

use std::net::IpAddr;
use std::process::Command;

use super::{Access, Lookup, PeerPort, ProbeRequest, Purpose, parse};
use crate::model::shells::shells;
use crate::model::{HostName, NameMode, NodeName, quote};
use crate::rabbitmq::listeners::Security;

fn request() -> ProbeRequest {
    ProbeRequest {
        names: vec![HostName::parse("localhost").expect("a host name")],
        packages: vec!["dpkg".to_owned(), "no-such-package".to_owned()],
        installable: Vec::new(),
        candidates: Vec::new(),
        broker_version: String::new(),
        units: vec!["dbus".to_owned()],
        files: vec![
            "/etc/passwd".to_owned(),
            "/var/lib/rabbitmq/.erlang.cookie".to_owned(),
            "/a\nb".to_owned(),
        ],
        node: Some(NodeName::parse("no-such-node@localhost").expect("a node name")),
        name_mode: NameMode::Short,
        admin: Some("o'hara\"; q().".to_owned()),
        plugins: vec!["rabbitmq_top".to_owned()],
        reach: vec![PeerPort {
            peer: HostName::parse("localhost").expect("a host name"),
            address: std::net::Ipv4Addr::LOCALHOST.into(),
            port: 1,
            purpose: Purpose::Epmd,
        }],
        load_balancer_port: None,
        load_balancer_security: Security::Plain,
        runtime_socket: None,
        firewall: Lookup::Wanted,
        virtual_address: Lookup::Wanted,
        vips: vec![std::net::Ipv4Addr::LOCALHOST.into()],
    }
}

fn run(words: &[&str], command: &str) -> Vec<u8> {
    let mut shell = Command::new(words[0]);
    shell.args(&words[1..]).arg("-c").arg(command).output().expect("the shell runs").stdout
}

#[test]
fn this_machine_answers() {
    let request = request();
    let passwd = std::fs::read_to_string("/etc/passwd").expect("every machine has it");
    for shell in shells() {
        let output = run(shell, &request.command("n0nce"));
        assert!(output.starts_with(b"n0nce clock "), "{shell:?}");
        let facts = parse(&request, "n0nce", &output).expect("complete");
        let content = facts.file("/etc/passwd").and_then(|file| file.content.as_deref());
        assert_eq!(content, Some(passwd.as_str()), "{shell:?}");
        assert!(facts.resolution.values().flatten().all(IpAddr::is_loopback), "{shell:?}");
        assert!(!facts.resolution.is_empty() && !facts.host_name.running.is_empty(), "{shell:?}");
        assert!(facts.resources.memory_total_kib > Some(0), "{shell:?}");
        let etc = facts.resources.storage.iter().find(|seen| seen.path == "/etc").expect("every machine");
        assert!(etc.free_bytes > 0 && etc.access == Access::ReadWrite, "{shell:?}: {etc:?}");
    }
}

/// What TCP's first two windows of ten and twenty segments carry (RFC 6928), less what the answer's way may need.
const AT_ONCE: usize = 20 * 1024;

/// The number of bytes after ssh has compressed them.
fn sent(command: &str) -> usize {
    use std::io::Write as _;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(command.as_bytes()).expect("memory takes it");
    encoder.finish().expect("memory takes it").len()
}

#[test]
fn what_is_sent_is_small_and_the_administrator_is_only_a_name() {
    let command = request().command("n0nce");
    assert!(sent(&command) < AT_ONCE, "{} bytes", sent(&command));
    let usual = ProbeRequest { firewall: Lookup::LeftOut, ..request() }.command("n0nce");
    assert!(sent(&usual) < sent(&command), "firewalls are asked only if they matter");
    assert!(!command.contains("o'hara") && command.contains("Admin = <<111,39,104,97,114,97,34,"));
}

/// Its parts are one script: a function of a later part would be called in the place of an earlier one's.
#[test]
fn no_function_of_the_probe_hides_another_ones() {
    let command = request().command("n0nce");
    // What comes before it are parameters, some of them scripts for a shell of their own.
    let (_, probe) = command.split_once("\nvips=").expect("the last parameter");
    // A family of packages has its own in the place of the probe's.
    let probe = probe.replace(&super::command::without_comments(crate::platform::PROBE), "");
    let named = probe.lines().filter_map(|line| line.split_once("() {")).map(|(name, _)| name);
    let mut known = std::collections::BTreeSet::new();
    for name in named {
        assert!(known.insert(name), "{name} is there twice");
    }
    assert!(known.contains("section"));
}

/// A running script is reported whichever run holds the lock (a run's own note used to hide those of the previous run), and
/// the lock's run by the shell that holds it.
#[test]
fn who_is_at_work_and_whose_the_host_is() {
    let directory = std::env::temp_dir().join(format!("rabbitup-probe-run-{}", std::process::id()));
    let file = |name: &str| directory.join(name);
    let mut request = request();
    (request.names, request.packages, request.units) = Default::default();
    (request.reach, request.node) = Default::default();
    let command = request.command("n0nce").replace("/run/rabbitup", &file("rabbitup").display().to_string());
    for words in shells() {
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).expect("a directory for temporary use");
        let look = || parse(&request, "n0nce", &run(words, &command)).expect("complete");
        let seen = look();
        assert_eq!((seen.at_work, seen.under_way), (None, None), "{words:?}");
        let lock = file("rabbitup.lock");
        let mut holder = Command::new("sh");
        holder.args(["-c", "exec 9>>\"$0\"; read -r end 9>&-", &lock.display().to_string()]);
        let mut holder = holder.stdin(std::process::Stdio::piped()).spawn().expect("sh runs");
        while !lock.exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let note = format!("1000\tann@desk\t7\tbring-up\t{}\n", holder.id());
        std::fs::write(file("rabbitup.owner"), note).expect("it is ours");
        std::fs::write(file("rabbitup-a.work"), format!("{} 1\n", holder.id())).expect("it is ours");
        // One whose shell was killed, and one that is about to be written.
        std::fs::write(file("rabbitup-b.work"), "4194305 4194305\n").expect("it is ours");
        std::fs::write(file("rabbitup-c.work"), "").expect("it is ours");
        let seen = look();
        assert_eq!(seen.at_work, Some(holder.id()), "{words:?}");
        let run = seen.under_way.expect("the lock is held");
        assert_eq!((run.who.as_str(), run.playbook.as_str()), ("ann@desk", "bring-up"), "{words:?}");
        assert!(run.age > Some(std::time::Duration::from_secs(1_000_000_000)), "{words:?}: {:?}", run.age);
        holder.kill().expect("it runs");
        holder.wait().expect("it ends");
        let seen = look();
        assert_eq!((seen.at_work, seen.under_way), (None, None), "the note outlives its shell, {words:?}");
    }
    std::fs::remove_dir_all(&directory).expect("it is ours");
}

/// The shell picks the version to upgrade to by the same rule as the planner.
#[test]
fn the_version_that_an_upgrade_would_install_is_found() {
    let functions = include_str!("probe.sh");
    let begin = functions.find("target_over() {").expect("it is there");
    let end = functions[begin..].find("# What the host's package family").expect("the next one") + begin;
    let offered = "3.10.8-1.1+deb12u1\n4.0.5-1\n1:3.10.9-1\n3.10.8-1.1+deb12u1\n3.9.27-1";
    for shell in shells() {
        for (wanted, installed, target) in [
            ("", "3.10.8-1.1+deb12u1", ""),
            ("", "", "3.10.8-1.1+deb12u1"),
            ("3.10.9", "3.10.8-1.1+deb12u1", "1:3.10.9-1"),
            ("1:3.10.9-1", "3.10.8-1.1+deb12u1", "1:3.10.9-1"),
            ("3.10.*", "3.10.8-1.1+deb12u1", ""),
            ("4.*", "3.10.8-1.1+deb12u1", "4.0.5-1"),
            ("3.1*", "3.9.27-1", "3.10.8-1.1+deb12u1"),
            ("5.*", "3.9.27-1", ""),
            ("3.10.8-1.1+deb12u1", "", "3.10.8-1.1+deb12u1"),
        ] {
            let values = [("broker_version", wanted), ("installed", installed), ("offered", offered)];
            let values: String =
                values.iter().map(|(name, value)| format!("{name}={}\n", quote(value))).collect();
            let text = format!(
                "nl='\n'\nset -f -u\n{values}{}\nprintf '%s\\n' \"$offered\" | target_over \"$installed\"",
                &functions[begin..end]
            );
            let found = String::from_utf8(run(shell, &text)).expect("text");
            assert_eq!(found.trim(), target, "{wanted} over {installed} in {shell:?}");
        }
    }
}

const IN_USE: &str = "cookie=/var/lib/rabbitmq/.erlang.cookie\n";
const STAGED: &str = "staged=/var/lib/rabbitmq/.rabbitup-cookie/.erlang.cookie\n";

const BECOME_RABBITMQ: &str = "setpriv --reuid=\"$broker_user\" --regid=\"$broker_group\" --init-groups \\\n";

/// Runs the probe on a cookie file with these bytes, and returns its output about it.
fn look_at_cookie(shell: &[&str], real: &str, bytes: &[u8]) -> (String, Vec<u8>) {
    let (variable, _) = real.split_once('=').expect("an assignment");
    let path = std::env::temp_dir().join(format!(
        "rabbitup-probe-{variable}-{}-{}",
        std::process::id(),
        bytes.len()
    ));
    std::fs::write(&path, bytes).expect("a file for temporary use");
    // Only the cookie matters here.
    let mut request = request();
    (request.names, request.packages, request.units) = Default::default();
    (request.reach, request.node) = Default::default();
    let command = request.command("n0nce");
    let home = "rabbit=/var/lib/rabbitmq\n";
    assert!(command.contains(real) && command.contains(home) && command.contains(BECOME_RABBITMQ));
    let command = command
        .replace(real, &format!("{variable}={}\n", path.display()))
        .replace(home, &format!("rabbit={}\n", std::env::temp_dir().display()))
        // Without root the test cannot become another user.
        .replace(BECOME_RABBITMQ, "");
    let output = run(shell, &command);
    std::fs::remove_file(&path).expect("it is ours");
    let text = String::from_utf8_lossy(&output);
    let shape = text.lines().find_map(|line| line.strip_prefix("shape=")).unwrap_or_default().to_owned();
    (shape, output)
}

#[test]
fn the_cookie_is_judged_and_not_printed() {
    let long = "x".repeat(256);
    let judged: [(&[u8], &str); 12] = [
        (b"Krk3vJv0hQcWmT5e", "usable"),
        (b"Krk3vJv0hQcWmT5e2\n", "usable"),
        (b"Krk3vJv0hQcWmT5e2\r\n\r\n", "usable"),
        (b"KRKVJVHQCWMTEABCDEFG\n", "debian"),
        (b"", "unusable"),
        (b"\nKrk3vJv0hQcWmT5e12345", "unusable"),
        (b"Krk3vJv0hQcWmT5e123456 ", "unusable"),
        (b"Krk3vJv0h QcWmT5e1234567", "unusable"),
        (b"Krk3vJv0h\0QcWmT5e12345678", "unusable"),
        (b"Krk3vJv0hQcWmT5e\nKrk3vJv0hQcWmT5e", "unusable"),
        ("Krk3vJv0hQcWmT5eü123456".as_bytes(), "unusable"),
        (long.as_bytes(), "unusable"),
    ];
    for (bytes, wanted) in judged {
        for (real, shell) in
            [IN_USE, STAGED].into_iter().flat_map(|real| shells().into_iter().map(move |s| (real, s)))
        {
            let (shape, output) = look_at_cookie(shell, real, bytes);
            assert_eq!(shape, wanted, "of {bytes:?} in {shell:?}");
            let secret = bytes.get(..9).unwrap_or(b"\0");
            assert!(
                !output.windows(secret.len()).any(|window| window.eq_ignore_ascii_case(secret)),
                "{bytes:?}"
            );
        }
    }
}
