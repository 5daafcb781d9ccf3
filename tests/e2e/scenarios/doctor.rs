//! `rabbitup doctor` on hosts with one problem: it names that problem first, with evidence; the commands it prints fix it. All
//! cases run on one cluster, and each leaves the cluster unchanged.

mod blank;
mod bundle;
mod cluster;
mod healthy;
mod host;
mod pair;
mod releases;

use std::panic::AssertUnwindSafe;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::hosts::on_all;
use crate::inventory::Inventory;
use crate::program::{Run, until};
use crate::release::Store;
use crate::stage::{ALL, BROKERS, Stage, all_are_played, octet, reason, say};
use crate::turns::today;

pub use blank::blank_hosts;
pub use bundle::bundle;
pub(super) use cluster::LEAVE;
pub use healthy::healthy;
pub use releases::releases;

/// One problem, doctor's expected output, and the fix.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    breaks: &'static [Act],
    cause: &'static str,
    host: &'static str,
    peer: Option<&'static str>,
    /// Words that the evidence must contain.
    evidence: &'static [&'static str],
    /// A check before the fix.
    meanwhile: fn(&Stage, &Value),
    fix: Fix,
}

/// Of a shell line that root runs on a host. `{node1}` in it, and in evidence, is the address of node1, `{sshd}` the units of sshd,
/// `{erlang}` the directory of Erlang/OTP.
#[derive(Clone, Copy)]
pub(super) enum Act {
    Run(&'static str, &'static str),
    /// Tried until it succeeds.
    Until(&'static str, &'static str),
}

#[derive(Clone, Copy)]
enum Fix {
    /// Every command of the document, in its order.
    Printed,
    /// The document says what to do, but the details depend on what was broken: a firewall rule, a full disk. Or an earlier case
    /// has shown that the printed command works, at the cost of a restart.
    ByHand(&'static [Act]),
}

/// Defaults of most cases.
const CASE: Case = Case {
    name: "",
    breaks: &[],
    cause: "",
    host: "",
    peer: None,
    evidence: &[],
    meanwhile: |_, _| {},
    fix: Fix::Printed,
};

/// How long a condition may take to come true: a node that restarts on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// A third of the cases, another one each day; all with `E2E_ALL=1`, and with `E2E_CASES` those whose name contains one of its
/// words.
pub fn table(stage: &Stage) {
    let mut all: Vec<&Case> = host::CASES.iter().chain(pair::CASES).chain(cluster::CASES).collect();
    if stage.lab.suite().store() == Store::Khepri {
        // Without Mnesia an isolated node recovers by itself when the network is back.
        all.retain(|case| case.cause != "partition");
    }
    let cases = picked(&all);
    assert!(!cases.is_empty(), "no case is named like that");
    prepare(stage);
    assert_clean(stage);
    let mut failed = Vec::new();
    for case in cases {
        let begin = Instant::now();
        let played = std::panic::catch_unwind(AssertUnwindSafe(|| play(stage, case)));
        let end = if played.is_ok() { "ok" } else { "FAILED" };
        say(&format!("         {:6.1} s    {}: {end}", begin.elapsed().as_secs_f32(), case.name));
        if let Err(panic) = played {
            say(&reason(panic.as_ref()));
            failed.push(case.name);
            restore(stage);
        }
    }
    assert!(failed.is_empty(), "doctor failed at: {}", failed.join("; "));
    assert_no_secret(stage);
    let lab = &stage.lab;
    on_all(&BROKERS, |host| {
        lab.stdout_of(host, "rm -r /root/e2e-kept; find /etc/rabbitmq/rabbitmq-env.conf -empty -delete")
    });
    stage.assert_nothing_to_do(&Inventory::whole());
    stage.assert_serves();
}

fn picked<'a>(all: &[&'a Case]) -> Vec<&'a Case> {
    let words = std::env::var("E2E_CASES").unwrap_or_default();
    if !words.is_empty() {
        let named = |case: &Case| words.split(',').any(|word| case.name.contains(word));
        return all.iter().copied().filter(|case| named(case)).collect();
    }
    let Some(today) = third_of_today() else { return all.to_vec() };
    let cases: Vec<&Case> = all.iter().copied().skip(today).step_by(3).collect();
    say(&format!(
        "                     {} of {} cases, today every third from the {}. on; E2E_ALL=1 plays all",
        cases.len(),
        all.len(),
        today + 1
    ));
    cases
}

/// Which third of the slow cases runs today, from 0; none with `E2E_ALL=1`: all of them.
fn third_of_today() -> Option<usize> {
    if all_are_played() { None } else { usize::try_from(today() % 3).ok() }
}

fn play(stage: &Stage, case: &Case) {
    // Cases start brokers more often than systemd's limit allows (4.3: five times in ten minutes).
    let lab = &stage.lab;
    on_all(&BROKERS, |host| lab.stdout_of(host, "systemctl reset-failed rabbitmq-server || :"));
    case.breaks.iter().for_each(|act| perform(stage, *act));
    let run = doctor(stage).expect(1);
    let document = run.json();
    let finding = assert_named(stage, case, &run, &document);
    (case.meanwhile)(stage, finding);
    match case.fix {
        Fix::Printed => carry_out(stage, finding),
        Fix::ByHand(acts) => {
            assert_ne!(finding["remedy"].as_array().map_or(0, Vec::len), 0, "what to do\n{run}");
            acts.iter().for_each(|act| perform(stage, *act));
        }
    }
    assert_clean(stage);
}

fn doctor(stage: &Stage) -> Run {
    stage.rabbitup(&Inventory::whole()).args(["doctor", "--json"]).run()
}

/// The first finding has this cause and host, its evidence has the words, and there is no other root cause.
#[track_caller]
fn assert_named<'a>(stage: &Stage, case: &Case, run: &Run, document: &'a Value) -> &'a Value {
    let finding = &document["findings"][0];
    let place = (finding["cause"].as_str(), finding["host"].as_str(), finding["peer"].as_str());
    assert_eq!(place, (Some(case.cause), Some(case.host), case.peer), "the first finding\n{run}");
    assert_eq!(finding["consequence"], false, "{run}");
    let evidence = finding["evidence"].to_string();
    for word in case.evidence.iter().map(|word| filled_in(stage, word)) {
        assert!(evidence.contains(&word), "the evidence has `{word}`\n{run}");
    }
    let findings = document["findings"].as_array().map_or(&[][..], Vec::as_slice);
    let other: Vec<&Value> = findings
        .iter()
        .skip(1)
        .filter(|other| other["consequence"] == false && other["cause"] != case.cause)
        .collect();
    assert!(other.is_empty(), "one thing was broken, and these are causes, too: {other:?}\n{run}");
    assert_eq!(document["healthy"], false, "{run}");
    finding
}

/// No findings, in the document and the exit code, which may take until the brokers are stable.
#[track_caller]
fn assert_clean(stage: &Stage) {
    let start = Instant::now();
    loop {
        let run = doctor(stage);
        let document = run.json();
        if run.succeeded() {
            assert_eq!(document["healthy"], true, "{run}");
            assert_eq!(document["findings"].as_array().map(Vec::len), Some(0), "{run}");
            return;
        }
        assert!(start.elapsed() < SOON, "there is no clean bill\n{run}");
    }
}

/// Runs the printed commands of the finding here, one after the other. Anything else is a sentence.
#[track_caller]
fn carry_out(stage: &Stage, finding: &Value) {
    let lines: Vec<&str> =
        finding["remedy"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let commands = lines.iter().filter(|line| run_printed(stage, line)).count();
    assert_ne!(commands, 0, "a command is among the remedy: {finding}");
}

/// Runs the line if it is a command, and says whether it is one.
#[track_caller]
pub(super) fn run_printed(stage: &Stage, line: &str) -> bool {
    if let Some(words) = line.strip_prefix("rabbitup ") {
        // The harness also names the inventory; it is the same one.
        let words =
            words.strip_prefix("-i ").and_then(|rest| rest.split_once(' ')).map_or(words, |(_, rest)| rest);
        let words = words.split_whitespace().chain(["--yes"]);
        stage.rabbitup(&Inventory::whole()).args(words).run().expect(0);
        return true;
    }
    if line.starts_with("ssh ") {
        let output = on_this_machine(line);
        assert!(output.status.success(), "`{line}` failed: {}", String::from_utf8_lossy(&output.stderr));
        return true;
    }
    false
}

/// A line for the operator's shell.
fn on_this_machine(line: &str) -> Output {
    Command::new("timeout")
        .args(["120", "sh", "-c", line])
        .stdin(Stdio::null())
        .output()
        .expect("a shell starts")
}

pub(super) fn perform(stage: &Stage, act: Act) {
    match act {
        Act::Run(host, line) => drop(stage.lab.stdout_of(host, &filled_in(stage, line))),
        Act::Until(host, line) => {
            let line = filled_in(stage, line);
            until(&format!("`{line}` on {host}"), SOON, || {
                stage.lab.run_on(host, &line).status.success().then_some(())
            });
        }
    }
}

/// The shell line that gives a node TLS towards the others.
pub(super) fn tls(stage: &Stage) -> String {
    filled_in(stage, host::TLS)
}

pub(super) fn filled_in(stage: &Stage, line: &str) -> String {
    let family = stage.lab.suite().family();
    let line = line.replace("{sshd}", family.ssh_units()).replace("{erlang}", family.erlang());
    ALL.iter().fold(line, |line, host| line.replace(&format!("{{{host}}}"), &stage.lab.address(octet(host))))
}

/// Saves the files that cases change, for themselves and for [`restore`]. RPMs come without rabbitmq-env.conf; an old time, since a
/// younger one than the node's is a reason to restart it.
fn prepare(stage: &Stage) {
    let line = "[ -e /etc/rabbitmq/rabbitmq-env.conf ] || touch -d yesterday /etc/rabbitmq/rabbitmq-env.conf; \
                install -d -m 700 /root/e2e-kept && cd /root/e2e-kept && cp -p /etc/hosts /etc/rabbitmq/*.conf . && \
                cp -p /var/lib/rabbitmq/.erlang.cookie cookie";
    let lab = &stage.lab;
    on_all(&BROKERS, |host| lab.stdout_of(host, line));
}

/// After a failed case: undoes everything that any case may have done.
fn restore(stage: &Stage) {
    let line = "systemctl start {sshd}; nft delete table ip e2e; systemctl stop e2e-epmd; rm -f /usr/sbin/date; \
                umount /var/log/rabbitmq /var/log /run/e2e-logs; cd /root/e2e-kept && cp -p hosts /etc/hosts && \
                cp -p *.conf /etc/rabbitmq && cp -p cookie /var/lib/rabbitmq/.erlang.cookie";
    let lab = &stage.lab;
    let line = filled_in(stage, line);
    on_all(&BROKERS, |host| {
        let _ = lab.run_on(host, &line);
        let _ = lab.run_on(host, &format!("hostname {host}"));
        let alarms = "timeout 60 rabbitmqctl -q set_vm_memory_high_watermark 0.6; \
                      timeout 60 rabbitmqctl -q set_disk_free_limit 50MB";
        let _ = lab.run_on(host, alarms);
    });
    let up = stage.up(&Inventory::whole());
    if doctor(stage).succeeded() {
        return;
    }
    // Cases that break a broker break this one.
    let _ = lab.run_on("node3", "timeout 60 systemctl restart rabbitmq-server");
    let recovered = stage.playbook(&Inventory::whole(), &["recover-node", "node=node3"]);
    let again = stage.up(&Inventory::whole());
    assert!(again.succeeded(), "a case that failed left what cannot be undone\n{up}\n{recovered}\n{again}");
    assert_clean(stage);
}

/// No cookie was printed, neither the cluster's nor one that a case put in its place.
fn assert_no_secret(stage: &Stage) {
    let transcript = stage.home.borrow().transcript();
    let cookie = stage.lab.stdout_of("node1", "cat /root/e2e-kept/cookie");
    for secret in [cookie.as_str(), host::OTHER_COOKIE] {
        assert!(!transcript.contains(secret), "a cookie was printed");
    }
}
