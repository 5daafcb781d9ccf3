//! Commands and shells on hosts: all of them are one sshd of this machine, but for one that refuses connections.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::home::{Home, silent_port};
use crate::schema::{assert_fits, field_names};
use crate::sshd::Sshd;

/// How long something may take that should be at once.
const SOON: Duration = Duration::from_secs(20);

/// A home with two brokers and a load balancer that answer, and node3, which does not.
fn home(sshd: &Sshd) -> Home {
    let home = Home::new();
    let (listener, refusing) = silent_port();
    drop(listener);
    let text = std::fs::read_to_string(sshd.path("config-known-user")).expect("sshd has a configuration");
    let known =
        text.replace("Host *\n", "Host *\n  HostName 127.0.0.1\n  CheckHostIP no\n  HostKeyAlias it\n");
    let keys = std::fs::read_to_string(sshd.path("known")).expect("its key is known");
    let key = keys.split_once(' ').expect("names, then the key").1;
    std::fs::write(sshd.path("known"), format!("it {key}")).expect("it is written");
    let port = sshd.port;
    home.write("ssh_config", &format!("Host *.13\n  Port {refusing}\nHost *\n  Port {port}\n{known}"));
    let host = |name: &str, octet: u8, role: &str| {
        format!("[[host]]\nname = \"{name}\"\naddress = \"192.0.2.{octet}\"\nroles = [\"{role}\"]\n")
    };
    let brokers = (1..=3).map(|n| host(&format!("node{n}"), 10 + n, "broker")).collect::<String>();
    home.write(
        "inventory.toml",
        &format!(
            "[cluster]\nname = \"orders\"\nadmin = {{ user = \"a\", password = {{ from = \"file\", path = \"secret\" }} }}\n\
             [load_balancer]\n[ssh]\nconfig = \"ssh_config\"\n{brokers}{}",
            host("lb1", 20, "load-balancer")
        ),
    );
    home.write("secret", "pa55w0rdOfAdmin\n");
    std::fs::set_permissions(home.path("secret"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .expect("it is ours");
    home
}

#[track_caller]
fn said(output: &Output, code: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    (out, err)
}

/// Whether a process has this word in its command line, and waits until none has.
fn await_end_of(word: &str) {
    let start = Instant::now();
    let runs = || {
        let processes = std::fs::read_dir("/proc").expect("this is Linux").flatten();
        let mut lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
        lines.any(|line| line.split(|byte| *byte == 0).any(|found| found == word.as_bytes()))
    };
    while runs() {
        assert!(start.elapsed() < SOON, "sleep {word} goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn unique() -> String {
    format!("4{}", rand::random_range(100_000..999_999))
}

#[test]
fn equal_answers_are_one_and_each_host_that_failed_is_named_last() {
    let Some(sshd) = Sshd::start() else { return };
    let home = home(&sshd);
    let (out, err) = said(&home.run(&["exec", "node1,lb1", "--", "echo", "a  b", "$HOME"]), 0);
    assert_eq!((out.as_str(), err.as_str()), ("node1, lb1:\n  a  b $HOME\n", ""));
    // Each connection has a port of its own.
    let differ = ["exec", "node1", "node2", "--", "sh", "-c", "echo ${SSH_CONNECTION% * *}"];
    let (out, _) = said(&home.run(&differ), 0);
    assert!(out.starts_with("node1:\n  127.0.0.1 ") && out.contains("\nnode2:\n  127.0.0.1 "), "{out}");
    let fails = ["exec", "@broker", "--", "sh", "-c", "echo pa55w0rdOfAdmin; printf '\\033[2Jx\\n'; exit 7"];
    let (out, err) = said(&home.run(&fails), 1);
    assert_eq!(out, "node1, node2: exit code 7\n  ••••\n  x\n");
    assert!(err.contains("✘ node3: "), "{err}");
    assert!(err.ends_with("\nFailed on 3 of 3: node1, node2 (exit code 7), node3 (not reached)\n"), "{err}");
    let (out, _) = said(&home.run(&["exec", "@broker", "-l", "node2", "--", "cat"]), 0);
    assert_eq!(out, "node2: no output\n", "there is no input, and --limit counts");
}

#[test]
fn the_document_has_every_host_and_fits_its_schema() {
    let Some(sshd) = Sshd::start() else { return };
    let home = home(&sshd);
    let schema = serde_json::from_str(&said(&home.run(&["schema", "exec"]), 0).0).expect("it is JSON");
    let page = include_str!("../../docs/json.md");
    let named = |name: &String| page.contains(&format!("`{name}`")) || page.contains(&format!(".{name}`"));
    let unnamed: Vec<String> = field_names(&schema).into_iter().filter(|name| !named(name)).collect();
    assert_eq!(unnamed, [""; 0], "docs/json.md does not tell of these");
    let slow = ["exec", "--json", "--timeout", "1s", "node1,node3", "--", "sh", "-c", "echo a; sleep 60"];
    let (out, _) = said(&home.run(&slow), 1);
    let document: Value = serde_json::from_str(&out).expect("it is one document");
    assert_fits(&document, &schema);
    let hosts = document["hosts"].as_array().expect("it has hosts");
    let results: Vec<_> = hosts.iter().map(|host| (&host["host"], &host["result"])).collect();
    assert_eq!(document["succeeded"], false);
    let wanted = [("node1", "timed_out"), ("node3", "unreachable")].map(|(a, b)| (a.into(), b.into()));
    assert_eq!(results, wanted.each_ref().map(|(a, b): &(Value, Value)| (a, b)));
    assert_eq!((&hosts[0]["output"], &hosts[0]["exit_code"]), (&"a\n".into(), &Value::Null));
    assert_eq!(hosts[1]["code"], "unreachable.no-connection");
    let (out, _) = said(&home.run(&["exec", "--json", "node1", "--", "true"]), 0);
    let document: Value = serde_json::from_str(&out).expect("it is one document");
    assert_fits(&document, &schema);
    assert_eq!((&document["succeeded"], &document["hosts"][0]["exit_code"]), (&true.into(), &0.into()));
}

#[test]
fn a_signal_ends_the_command_on_its_hosts() {
    let Some(sshd) = Sshd::start() else { return };
    let home = home(&sshd);
    // The second is gone at once, which its hosts notice by themselves.
    for (signal, code) in [("INT", Some(130)), ("KILL", None)] {
        let (seconds, mark) = (unique(), home.path(&format!("begun-{signal}")));
        let script = format!("echo begun; sleep {seconds} & : >{}; sleep {seconds}", mark.display());
        let mut child =
            home.rabbitup(&["exec", "node1", "--", "sh", "-c", &script]).spawn().expect("it starts");
        let start = Instant::now();
        while !mark.exists() {
            assert!(start.elapsed() < SOON, "it never began");
            std::thread::sleep(Duration::from_millis(20));
        }
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().expect("kill runs").success());
        await_end_of(&seconds);
        if code.is_some() {
            let (out, err) = said(&child.wait_with_output().expect("it ends"), 130);
            assert_eq!(out, "node1: interrupted\n  begun\n");
            assert!(err.ends_with("Failed on 1 of 1: node1 (interrupted)\n"), "{err}");
        } else {
            child.wait().expect("it was killed");
        }
    }
}

#[test]
fn what_is_wrong_is_said_before_any_host_is_asked() {
    let Some(sshd) = Sshd::start() else { return };
    let home = home(&sshd);
    for (words, wanted) in [
        (&["exec", "nod1", "--", "true"] as &[&str], "did you mean node1?"),
        (&["exec", "@brokers", "--", "true"], "there is no such role"),
        (&["exec", "@broker", "--limit", "lb1", "--", "true"], "no host of the inventory is meant"),
        (&["exec", "node1", "--timeout", "2d", "--", "true"], "whole seconds, from 1s to 1d"),
        (&["exec", "node1", "true"], "--"),
        (&["exec", "node1"], "COMMAND"),
        (&["ssh", "nod1"], "did you mean node1?"),
        (&["ssh", "@broker"], "the inventory has no host @broker"),
    ] {
        let (_, err) = said(&home.run(words), 64);
        assert!(err.contains(wanted), "{words:?}: {err}");
    }
    assert_eq!(sshd.logins(), 0);
}

#[test]
fn a_shell_is_that_of_ssh_and_ends_with_its_code() {
    let Some(sshd) = Sshd::start() else { return };
    let home = home(&sshd);
    let mut child = home.rabbitup(&["ssh", "node1"]).stdin(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(b"echo $((40 + 2)); exit 7\n").expect("it takes a line");
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
    while !line.contains("42") {
        line.clear();
        assert!(out.read_line(&mut line).expect("it is text") > 0, "the shell answers");
    }
    drop(stdin);
    assert_eq!(child.wait().expect("it ends").code(), Some(7));
    said(&home.rabbitup(&["ssh", "node3"]).stdin(Stdio::null()).output().expect("it starts"), 255);
}
