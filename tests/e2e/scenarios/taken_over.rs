//! Two operators on the same hosts: the second sees the first one's run, and takes over when that is paused.

use std::time::Duration;

use crate::hosts::on_all;
use crate::inventory::Inventory;
use crate::program::{Home, until};
use crate::scenarios::history;
use crate::stage::{ALL, Stage};

/// Work of several steps on node1, the first of which lasts until /run/hold is gone: it restarts chrony, whose file is CONF.
const HOLD: &str = r##"echo '# edited' >>CONF; echo '[].' >/etc/rabbitmq/enabled_plugins; touch /run/hold
printf '%s\n' '#!/bin/sh' 'case "$*" in *chrony*) while [ -e /run/hold ]; do sleep 0.1; done ;; esac' \
  'exec /bin/systemctl "$@"' >/usr/local/sbin/systemctl
chmod 755 /usr/local/sbin/systemctl"##;

/// Frees the lock as the host does after 70 s without a keepalive: the process that reads them ends.
const LEASE_IS_OVER: &str = "kill $(ps -o pid= --ppid $(cut -f 5 /run/rabbitup.owner))";

/// The other operator sees whose run is active, and gets no plan. When the first one is paused and its locks are free, the
/// other one waits for the running step and does the rest; the first one does nothing any more, although its script
/// has further steps and its connection is open. The host's journal shows both.
pub fn paused(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    let conf = lab.suite().family().time_file();
    lab.stdout_of("node1", &HOLD.replace("CONF", &conf));
    let mut first = stage.rabbitup(&inventory).args(["up", "--yes"]).spawn();
    first.wait_for(&format!("write {conf} …"));

    let other = Home::new(&format!("{}-other", lab.suite().name()));
    let path = stage.home.borrow().path("inventory.toml");
    let by_other = |args: &[&str]| other.rabbitup(&path).args(args.iter().copied());
    let at_work = format!("(process {}) runs bring-up since ", first.pid());
    for refused in [&["plan"][..], &["up", "--yes"], &["run", "rolling-restart", "--yes"]] {
        let run = by_other(refused).run().expect(75).says(&at_work).says("nothing was changed");
        assert!(!run.out.contains("Plan:") && !run.out.contains("Next:"), "nothing is proposed: {run}");
    }
    for looks in ["status", "doctor"] {
        let run = by_other(&[looks]).run();
        assert!(run.out.lines().next().is_some_and(|line| line.contains(&at_work)), "{run}");
        assert!(!run.out.contains("No problems found:"), "{run}");
    }
    let status = by_other(&["status", "--json"]).run().json();
    assert_eq!(status["under_way"][0]["playbook"], "bring-up", "{status}");

    assert!(first.signal("STOP"), "it runs");
    on_all(&ALL, |host| lab.stdout_of(host, LEASE_IS_OVER));
    until("the hosts have freed the locks", Duration::from_secs(10), || {
        let freed = |host: &&str| !lab.run_on(host, "test -e /run/rabbitup.run").status.success();
        ALL.iter().all(freed).then_some(())
    });
    let mut second = by_other(&["up", "--yes"]).spawn();
    second.wait_for("Waiting: a step of an interrupted run is still running on node1");
    lab.stdout_of("node1", "rm /run/hold");
    let second = second.wait();
    assert!(first.signal("CONT"), "it was only paused");
    let first = first.wait().expect(1);
    second.expect(0).says("switch plugins on the running node");
    first.says("was not started: the lock on its host is lost").says("nothing was done");
    let lost = history::newest(stage);
    assert_eq!((&lost["result"], &lost["exit_code"]), (&"failed".into(), &1.into()), "{lost}");
    let told = stage.rabbitup(&inventory).args(["history", "show", "last"]).run().expect(0);
    told.says("was lost: nothing new started after this").says("the lock on its host is lost");
    let theirs = by_other(&["history", "-n", "1", "--json"]).run().json();
    assert_eq!(theirs["runs"][0]["result"], "done", "{theirs}");

    let noted =
        lab.stdout_of("node1", "rm /usr/local/sbin/systemctl; journalctl -q -t rabbitup -o cat --no-pager");
    let run_of = |what: &str| {
        let line =
            noted.lines().rfind(|line| line.contains(what)).unwrap_or_else(|| panic!("{what} in {noted}"));
        line.split(' ').find_map(|word| word.strip_prefix("run=")).expect("it names its run").to_owned()
    };
    let (begun, rest) =
        (run_of("step=node1/chrony-conf end result=0"), run_of("step=node1/plugins end result=0"));
    assert_ne!(begun, rest, "the first run has done what was the second one's: {noted}");
    let of_first = noted.lines().filter(|line| line.contains(&format!("run={begun} ")));
    assert!(of_first.clone().all(|line| line.contains("step=node1/chrony-conf ")), "{noted}");
    assert_eq!(of_first.count(), 2, "a step begins and ends: {noted}");
    stage.assert_nothing_to_do(&inventory);
}
