//! What was run, as `history` tells it afterwards.

use std::time::Duration;

use serde_json::Value;

use crate::inventory::Inventory;
use crate::program::{Run, until};
use crate::stage::{ALL, BROKERS, Stage};

/// Where a rotation stages the new cookie.
const STAGED: &str = "/var/lib/rabbitmq/.rabbitup-cookie";
/// How long a run that was started has until its first step begins.
const BEGINS: Duration = Duration::from_secs(60);

/// `history` with these words.
#[track_caller]
fn history(stage: &Stage, words: &[&str]) -> Run {
    stage.rabbitup(&Inventory::whole()).args(["history"]).args(words.iter().copied()).run().expect(0)
}

/// The newest run, as the list has it.
#[track_caller]
pub fn newest(stage: &Stage) -> Value {
    history(stage, &["-n", "1", "--json"]).json()["runs"][0].clone()
}

/// The newest run with the lines of its journal.
#[track_caller]
fn newest_whole(stage: &Stage) -> Value {
    history(stage, &["show", "last", "--json"]).json()
}

/// What the plans of the newest run were made for, after the first.
#[track_caller]
pub fn further_passes(stage: &Stage) -> Vec<String> {
    let whole = newest_whole(stage);
    let events = whole["events"].as_array().expect("events").iter();
    let passes = events.filter(|event| event["event"] == "pass_started");
    passes.map(|event| event["pass"].as_str().expect("a kind").to_owned()).collect()
}

/// Runs without changes, that fail, with a recovery, of a saved plan, interrupted at every stage, and killed.
pub fn last_night(stage: &Stage) {
    without_changes(stage);
    what_changed(stage);
    failed(stage);
    with_a_recovery(stage);
    of_a_saved_plan(stage);
    interrupted_and_killed(stage);
    stage.up(&Inventory::whole()).expect(0);
    let unreadable = &history(stage, &["-n", "1", "--json"]).json()["unreadable"];
    assert_eq!(unreadable.as_array().map(Vec::len), Some(0));
}

fn without_changes(stage: &Stage) {
    let log = stage.home.borrow().path("night.log");
    let quiet = ["up", "--yes", "--quiet", "--log", &log.display().to_string()].map(str::to_owned);
    let run = stage.rabbitup(&Inventory::whole()).args(quiet.iter().map(String::as_str)).run();
    run.expect(0).does_not_say("No changes");
    assert_eq!(newest(stage)["result"], "no_changes");
    history(stage, &[]).says("no changes");
    let logged = std::fs::read_to_string(&log).expect("the log was written");
    assert!(
        logged.contains("$ rabbitup -i") && logged.contains("No changes.") && logged.contains("exit code 0")
    );
}

/// A file that somebody edited is put right, and the next morning it can be read what it was.
fn what_changed(stage: &Stage) {
    stage.lab.stdout_of("lb1", "echo '# tried at night' >> /etc/haproxy/haproxy.cfg");
    stage.up(&Inventory::whole()).expect(0);
    history(stage, &["show", "last"]).says("(-v shows them)").does_not_say("-# tried at night");
    history(stage, &["show", "last", "-v"])
        .says("              -# tried at night")
        .says("because ")
        .says("before:    3 of 3 nodes run")
        .says("after:     3 of 3 nodes run");
    let page = stage.home.borrow().path("changed.html").display().to_string();
    history(stage, &["show", "last", "--html", &page]);
    let page = std::fs::read_to_string(page).expect("a page");
    for words in ["<del>-# tried at night", "<h3>Before and after</h3>", "What they change, and why"] {
        assert!(page.contains(words), "{words} is missing");
    }
}

/// What matters comes first; the journal keeps what `doctor` said; the hosts tell the same.
fn failed(stage: &Stage) {
    let lab = &stage.lab;
    let erlang = lab.suite().family().erlang();
    lab.stdout_of("node2", &format!("systemctl stop rabbitmq-server; mv {erlang} {erlang}.gone"));
    let failed = stage.rabbitup(&Inventory::whole()).args(["up", "--yes", "--quiet"]).run().expect(1);
    lab.stdout_of("node2", &format!("mv {erlang}.gone {erlang}"));
    let first = failed.out.lines().next().unwrap_or_default().to_owned();
    assert!(first.starts_with("failed: node2: start rabbit@node2: "), "what matters comes first: {first}");
    let diagnosed = failed.out.split_once("Diagnosis by rabbitup doctor:\n").expect("doctor was asked").1;
    let cause = diagnosed.lines().find(|line| line.contains("cause: ")).expect("it has found a cause");
    history(stage, &["show", "last"])
        .says("failed: node2: start rabbit@node2: ")
        .says("its last output:")
        .says("Diagnosis by rabbitup doctor, after that:")
        .says(cause.trim());
    let name = newest(stage)["runs"][0].as_str().expect("its name on the hosts").to_owned();
    history(stage, &["show", &name[..8]]).says(&format!("$ journalctl -t rabbitup RABBITUP_RUN={name}"));
    let page = stage.home.borrow().path("failed.html").display().to_string();
    history(stage, &["show", "last", "--html", &page]);
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.contains("What rabbitup doctor found after that"), "the page tells it as well");
    let after = page.split_once("<h3>After</h3>").expect("what the failed run left is drawn").1;
    assert!(after.trim_start().starts_with("<p>2 of 3 nodes run"), "{}", &after[..200]);
    assert_trail(stage);
    stage.up(&Inventory::whole()).expect(0);
}

/// Each host has written down who did what, in which run, from which plan, and what came of it: what the newest run's journal
/// has of it, and nothing else of that run.
#[track_caller]
fn assert_trail(stage: &Stage) {
    let whole = newest_whole(stage);
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    let (who, run, plan) =
        (word(&whole["run"]["operator"]), word(&whole["head"]["run"]), word(&whole["head"]["plan"]));
    let mut steps = 0;
    for host in ALL {
        let trail = format!("journalctl -t rabbitup RABBITUP_RUN={run} --no-pager -q -o cat");
        let noted = stage.lab.stdout_of(host, &trail);
        let about = |id: &str| format!(" run={run} plan={plan} step={id} ");
        let events = whole["events"].as_array().expect("events").iter().filter(|event| event["host"] == host);
        let mut wanted = Vec::new();
        for event in events {
            let id = event["step"].as_str().unwrap_or_default();
            match event["event"].as_str() {
                Some("step_started") => wanted.push(about(id) + "begin"),
                Some("step_succeeded") => wanted.push(about(id) + "end result=0 seconds="),
                Some("step_failed") => {
                    wanted.push(format!("{}end result={} seconds=", about(id), event["failure"]["code"]));
                }
                _ => {}
            }
        }
        for words in &wanted {
            let found = noted.lines().filter(|line| {
                line.starts_with(&format!("operator={who} login=")) && line.contains(words.as_str())
            });
            assert_eq!(found.count(), 1, "{words} of {who} on {host}: {noted}");
        }
        assert_eq!(noted.lines().count(), wanted.len(), "{host}: {wanted:#?} {noted}");
        steps += wanted.len();
    }
    assert!(steps >= 2, "a step began and ended");
}

/// What ends a run that failed half-way is a plan of the same run, and no success.
fn with_a_recovery(stage: &Stage) {
    // Staging fails: a file is at the path of the directory.
    stage.lab.stdout_of("node3", &format!("install -m 600 /dev/null {STAGED}"));
    stage
        .playbook(&Inventory::whole(), &["rotate-cookie"])
        .expect(1)
        .says("The run failed half-way. This ends it:");
    stage.lab.stdout_of("node3", &format!("rm {STAGED}"));
    assert_eq!(further_passes(stage), ["recovery"]);
    let run = newest(stage);
    assert_eq!((&run["result"], run["runs"].as_array().map(Vec::len)), (&"failed".into(), Some(2)), "{run}");
    let second = run["runs"][1].as_str().expect("the recovery's name on the hosts");
    history(stage, &["show", second]).says("Plan that ends what the failed run had begun: ");
    let trail = format!("journalctl -q -t rabbitup RABBITUP_RUN={second} --no-pager -o cat");
    let noted: Vec<String> = BROKERS.iter().map(|host| stage.lab.stdout_of(host, &trail)).collect();
    assert!(noted.iter().any(|lines| lines.contains("end result=0")), "{noted:?}");
}

fn of_a_saved_plan(stage: &Stage) {
    let inventory = Inventory::whole();
    stage.lab.stdout_of("lb1", "systemctl stop haproxy");
    let plan = stage.home.borrow().path("night.plan").display().to_string();
    stage.rabbitup(&inventory).args(["plan", "-o", &plan]).run().expect(0);
    stage.rabbitup(&inventory).args(["apply", &plan, "--yes"]).run().expect(0);
    let whole = newest_whole(stage);
    let run = &whole["run"];
    assert_eq!((&run["result"], &run["playbook"]), (&"done".into(), &"bring-up".into()), "{run}");
    assert_eq!(run["inventory"], Value::Null, "a saved plan has none: {run}");
    history(stage, &["show", "last"]).says("inventory: none: a saved plan was applied");
    // For a saved plan the digest is that of its file.
    let digest = whole["head"]["plan"].as_str().expect("a digest");
    let sum = std::process::Command::new("sha256sum").arg(&plan).output().expect("sha256sum runs");
    assert!(String::from_utf8_lossy(&sum.stdout).starts_with(digest), "{digest} of {sum:?}");
    assert_trail(stage);
}

fn interrupted_and_killed(stage: &Stage) {
    let inventory = Inventory::whole();
    let restart = ["run", "rolling-restart", "older-than=0s"];
    // While it asks: nothing was done, and it is still listed.
    let mut run = stage.rabbitup(&inventory).args(restart).on_terminal().spawn();
    run.wait_for("Apply this plan?");
    run.type_interrupt();
    run.wait().expect(130).says("interrupted before its first step; nothing was changed");
    let asked = newest(stage);
    assert_eq!((&asked["result"], &asked["exit_code"]), (&"interrupted".into(), &130.into()), "{asked}");
    let planned = asked["steps"]["planned"].as_u64();
    assert!(
        planned.is_some_and(|planned| planned >= BROKERS.len() as u64),
        "the plan that was shown: {asked}"
    );
    assert_eq!(
        (&asked["steps"]["done"], &asked["code"]),
        (&0.into(), &"interrupted.before-steps".into()),
        "{asked}"
    );
    stage.assert_nothing_to_do(&inventory);

    let restart = [&restart[..], &["--yes"]].concat();
    let mut run = stage.rabbitup(&inventory).args(restart.iter().copied()).spawn();
    run.wait_for("(times are UTC)");
    assert!(run.signal("INT"), "it runs");
    run.wait().expect(130);
    assert_eq!(newest(stage)["result"], "interrupted");

    let run = stage.rabbitup(&inventory).args(restart.iter().copied()).spawn();
    // Not one of the balancer's, which takes a moment: the run may be killed behind it.
    let restarts = |event: &Value| {
        let step = event["step"].as_str().unwrap_or_default();
        event["event"] == "step_started" && step.ends_with("/restart")
    };
    until("a restart has begun", BEGINS, || {
        let newest = newest_whole(stage);
        let is_running = newest["run"]["result"] == "running";
        let mut events = newest["events"].as_array().into_iter().flatten();
        (is_running && events.any(restarts)).then_some(())
    });
    run.kill();
    assert_eq!(newest(stage)["result"], "killed");
    history(stage, &["show", "last"]).says(": killed").says("its end is not known");
}
