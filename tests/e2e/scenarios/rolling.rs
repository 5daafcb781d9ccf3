//! Every broker restarted or upgraded, one after the other, under load.

use crate::hosts::{self, on_all};
use crate::inventory::Inventory;
use crate::load::Load;
use crate::stage::{BROKERS, Stage};
use crate::watch::Watch;

/// One at a time, out of the balancer meanwhile; a recently restarted node is left alone.
pub fn restart(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    let before = hosts::starts(lab, &BROKERS);
    let load = Load::start(stage, "rolling-restart");
    let watch = Watch::start(lab, &BROKERS);
    stage.playbook(&inventory, &["rolling-restart", "older-than=0s"]).expect(0).says("Verified: No changes.");
    let seen = watch.stop();
    load.end("rolling-restart");
    seen.assert_one_at_a_time(&BROKERS);
    let done = activities(stage);
    for node in BROKERS {
        let own: Vec<&str> =
            done.iter().filter(|(host, _)| host == node).map(|(_, activity)| activity.as_str()).collect();
        let wanted = ["draining", "stopping", "booting", "awaiting-replicas"];
        let told: Vec<&str> = own.iter().copied().filter(|activity| wanted.contains(activity)).collect();
        assert_eq!(told, wanted, "what the step said of {node}: {own:?}");
    }
    let after = hosts::starts(lab, &BROKERS);
    assert!(before.iter().zip(&after).all(|(was, is)| is > was), "{before:?}, then {after:?}");

    let services = hosts::all_services(lab, &BROKERS);
    let again = stage.playbook(&inventory, &["rolling-restart"]).expect(0).says("No changes.");
    let again = again.says("so it is not restarted again; older-than=0s restarts it anyway");
    for node in BROKERS {
        assert!(again.out.contains(&format!("{node}: started ")), "why {node} is not restarted: {again}");
    }
    assert_eq!(hosts::all_services(lab, &BROKERS), services, "a second run restarts nobody");
    stage.assert_nothing_to_do(&inventory);
    stage.assert_serves();
}

/// What the steps of the last run were doing, each with its host, in order: the journal has the events that the screen shows.
fn activities(stage: &Stage) -> Vec<(String, String)> {
    let folder = stage.home.borrow().path("state/rabbitup/journal");
    let names = std::fs::read_dir(&folder).expect("there are journals").flatten();
    let last =
        names.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "jsonl"));
    let last = last.max().expect("a run was recorded");
    let text = std::fs::read_to_string(&last).expect("it is ours");
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    lines
        .filter(|line| line["event"] == "step_doing")
        .map(|line| (word(&line["host"]), word(&line["activity"])))
        .collect()
}

const CONF: &str = "/etc/rabbitmq/rabbitmq.conf";

/// A node that does not come back ends the run; the others keep running. After the fix, the run continues.
pub fn restart_that_fails(stage: &Stage) {
    if stage.lab.suite().mirrors() {
        // RabbitMQ 3 takes a dozen seconds for each restart, and this tests rabbitup, not RabbitMQ.
        crate::stage::say("                   played on releases with RabbitMQ 4 only");
        return;
    }
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    let before = hosts::starts(lab, &BROKERS);
    let load = Load::start(stage, "failing-restart");
    let watch = Watch::start(lab, &["node2", "node3"]);
    lab.stdout_of("node1", &format!("cp -p {CONF} {CONF}.away && echo 'no.such.key = 1' >>{CONF}"));
    let run = stage.playbook(&inventory, &["rolling-restart", "older-than=0s"]).expect(1);
    run.says("node1").says("rabbitmq-server did not start on this host").says("no.such.key");
    load.goes_on();
    let run = stage.playbook(&inventory, &["rolling-restart", "older-than=0s"]).expect(1);
    run.says("rabbit@node1 does not serve, so none of the others can be stopped")
        .says("Nothing was changed.");
    assert_eq!(hosts::starts(lab, &BROKERS)[1..], before[1..], "node2 and node3 run on");
    let seen = watch.stop();
    assert!(seen.out.is_empty(), "out of service was {:?}", seen.out);

    lab.stdout_of("node1", &format!("mv {CONF}.away {CONF}"));
    stage.playbook(&inventory, &["start"]).expect(0);
    super::steady::wait_for_balancer(stage, "node1", "UP");
    let mended = hosts::starts(lab, &BROKERS);
    // The other two have run for longer than this, and node1 has not.
    let since_start = uptime_s(stage) - mended[1..].iter().max().expect("there are two") / 1_000_000;
    let older_than = format!("older-than={}s", since_start.saturating_sub(1));
    let watch = Watch::start(lab, &BROKERS);
    let run = stage.playbook(&inventory, &["rolling-restart", &older_than]).expect(0);
    let seen = watch.stop();
    run.says("node1: started");
    load.end("rolling-restart that fails on its first node and goes on");
    seen.assert_one_at_a_time(&["node2", "node3"]);
    let after = hosts::starts(lab, &BROKERS);
    assert_eq!(after[0], mended[0], "node1 was restarted twice");
    assert!(after[1] > mended[1] && after[2] > mended[2], "{mended:?}, then {after:?}");
    stage.assert_nothing_to_do(&inventory);
    stage.assert_serves();
}

/// How long this machine, and so every host's clock, has been running.
fn uptime_s(stage: &Stage) -> u64 {
    let text = stage.lab.stdout_of("node1", "cut -d. -f1 /proc/uptime");
    text.parse().expect("the kernel counts in seconds")
}

/// The next version on every node, one at a time, requested on the command line or in the inventory.
pub fn upgrade(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    let installed = hosts::package_version(lab, "node1");
    let next = hosts::next_version(lab, "node1");
    let pinned = Inventory::upgraded(lab);
    let services = hosts::all_services(lab, &BROKERS);
    stage.playbook(&inventory, &["upgrade"]).expect(0).says("No changes.");
    on_all(&BROKERS, |host| lab.stdout_of(host, &lab.suite().family().offer("next")));
    let run = stage.playbook(&inventory, &["upgrade", "version=9.9.9"]).expect(1);
    run.says("no rabbitmq-server 9.9.9 is offered to this host").says(&next).says("Nothing was changed.");
    let planned = stage.planned(&pinned);
    for node in BROKERS {
        let step = format!("{node} upgrade rabbit@{node} to {next}, drained before and in sync after");
        assert!(planned.contains(&step), "`{step}` is not planned: {planned:#?}");
    }
    assert_eq!(hosts::all_services(lab, &BROKERS), services, "who was refused did nothing");

    let load = Load::start(stage, "upgrade");
    let watch = Watch::start(lab, &BROKERS);
    let version = format!("version={next}");
    let run = stage.playbook(&inventory, &["upgrade", &version]).expect(0);
    let seen = watch.stop();
    let run = run.says("enable all stable feature flags").says("because the new version may have new flags");
    run.says("spread queue leaders over the nodes").says("Verified: No changes.");
    load.end("upgrade");
    seen.assert_one_at_a_time(&BROKERS);
    let running = next.split('-').next().expect("a version before its revision");
    on_all(&BROKERS, |host| {
        assert_eq!(hosts::running_version(lab, host), running, "the version that runs on {host}");
        assert_eq!(hosts::package_version(lab, host), next, "the version that is installed on {host}");
    });

    let services = hosts::all_services(lab, &BROKERS);
    stage.playbook(&inventory, &["upgrade", &version]).expect(0).says("No changes.");
    let back = format!("version={installed}");
    let run = stage.playbook(&inventory, &["upgrade", &back]).expect(1);
    run.says(&format!("no upgrade from {next} to {installed}")).says("cannot be downgraded");
    assert_eq!(hosts::all_services(lab, &BROKERS), services, "a second run restarts nobody");
    stage.assert_nothing_to_do(&inventory);
    stage.assert_nothing_to_do(&pinned);
    for host in BROKERS {
        super::steady::wait_for_balancer(stage, host, "UP");
    }
    stage.assert_serves();
}
