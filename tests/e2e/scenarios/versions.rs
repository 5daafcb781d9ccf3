//! Versions that must not be installed over data, and clusters of two.

use std::process::Command;
use std::time::Duration;

use super::queues::replicas;
use super::steady::wait_for_balancer;
use crate::hosts::{self, on_all};
use crate::inventory::{ADMIN, ADMIN_PASSWORD, Inventory};
use crate::lab::Host;
use crate::release::Store;
use crate::stage::{BROKERS, Stage, octet};

fn pinned(version: &str) -> Inventory {
    Inventory { package: vec![format!("version = \"{version}\"")], ..Inventory::whole() }
}

/// A stopped broker does not get a version that it would be refused while running: alone, with all the others, or if
/// its package was removed and the repositories have newer versions.
pub fn over_data(stage: &Stage) {
    let lab = &stage.lab;
    let installed = hosts::package_version(lab, "node3");
    let family = lab.suite().family();
    let [older, jump] = &lab.suite().refused_versions();
    on_all(&BROKERS, |host| lab.stdout_of(host, &family.offer("other")));
    let limited =
        |inventory: &Inventory| stage.rabbitup(inventory).args(["up", "--yes", "--limit", "node3"]).run();
    lab.stdout_of("node3", "systemctl stop rabbitmq-server");
    for version in [older, jump] {
        let run = limited(&pinned(version)).expect(1);
        run.says(&format!("rabbitmq-server {version} cannot be installed over this data"));
    }
    // Its package was removed.
    lab.stdout_of("node3", family.remove_broker());
    limited(&pinned(jump)).expect(1).says("over this data");
    lab.stdout_of("node3", &family.withdraw("other"));
    limited(&Inventory::whole()).expect(0);
    lab.stdout_of("node3", &family.offer("other"));
    assert_eq!(hosts::package_version(lab, "node3"), installed, "what was there comes back");
    on_all(&["node1", "node2"], |host| lab.stdout_of(host, "systemctl stop rabbitmq-server"));
    lab.stdout_of("node3", "systemctl stop rabbitmq-server");
    for version in [older, jump] {
        let run = stage.up(&pinned(version)).expect(1);
        run.says(&format!("rabbitmq-server {version} cannot be installed over this data"))
            .says("Nothing was changed.");
    }
    assert_eq!(on_all(&BROKERS, |host| hosts::package_version(lab, host)), vec![installed; 3]);
    on_all(&BROKERS, |host| lab.stdout_of(host, &family.withdraw("other")));
    stage.up(&Inventory::whole()).expect(0);
    stage.assert_nothing_to_do(&Inventory::whole());
    stage.assert_serves();
}

/// The replica on node3 is down although its node runs, which the plan does not see: the step waits. An interrupt ends the wait,
/// and leaves the node in service and in the balancer.
pub fn not_spared(stage: &Stage) {
    let lab = &stage.lab;
    let inventory = Inventory::whole();
    let replica = |verb: &str| replicas(stage, verb, "needed", &["node3"]);
    crate::amqp::publish(&lab.address(11), (ADMIN, ADMIN_PASSWORD), "needed", "quorum", 1)
        .expect("a quorum queue");
    let before = hosts::starts(lab, &BROKERS);
    replica("stop");
    let mut run =
        stage.rabbitup(&inventory).args(["run", "rolling-restart", "older-than=0s", "--yes"]).spawn();
    run.wait_for("restart rabbit@node1, drained before and in sync after …");
    let pid = run.pid().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
    let run = run
        .wait()
        .expect(130)
        .says("the run was interrupted while it waited")
        .says("put node1 back into the balancer");
    assert!(run.took < Duration::from_secs(60), "{run}");
    wait_for_balancer(stage, "node1", "UP");
    replica("restart");
    assert_eq!(hosts::starts(lab, &BROKERS), before, "nobody was stopped");
    lab.stdout_of("node1", "timeout 60 rabbitmqctl -q delete_queue needed");
    stage.assert_nothing_to_do(&inventory);
    stage.assert_serves();
}

const TWO: [&str; 2] = ["node1", "node2"];

/// With Khepri neither of two can be stopped safely: the plan says so before anything is touched, and the operator may accept it.
pub fn one_of_two(stage: &Stage) {
    if stage.lab.suite().store() == Store::Mnesia {
        return;
    }
    let lab = &stage.lab;
    let inventory = Inventory::whole().without("node3");
    stage.fresh_hosts(&["node1", "node2", "lb1"].map(|name| Host::new(name, octet(name))));
    stage.up(&inventory).expect(0);
    let before = hosts::starts(lab, &TWO);

    stage.enable_khepri();
    let refused = stage.playbook(&inventory, &["rolling-restart", "older-than=0s"]).expect(1);
    refused
        .says("rabbit@node2 cannot be taken out of service: a cluster of two members needs both")
        .says("rabbitup run rolling-restart older-than=0s gap=yes")
        .says("Nothing was changed.");
    // Made by hand, it has no rabbitmq.conf; the way in is nothing to a member, and nor is what is the default anyway.
    on_all(&TWO, |host| lab.stdout_of(host, "rm /etc/rabbitmq/rabbitmq.conf"));
    let mut by_hand = inventory.clone();
    by_hand.config = vec!["heartbeat = 60".into()];
    stage.up(&by_hand).expect(0).says("No changes.");
    assert_eq!(hosts::starts(lab, &TWO), before, "nothing of it needs a restart");
    let mut changed = inventory.clone();
    changed.config = vec!["heartbeat = 45".into()];
    stage.up(&changed).expect(0).says("so it keeps running with the files that it read at its start");
    stage.playbook(&changed, &["bring-up", "gap=yes"]).expect(0).says("Verified: No changes.");
    let after = hosts::starts(lab, &TWO);
    assert!(before.iter().zip(&after).all(|(was, is)| is > was), "{before:?}, then {after:?}");
    for host in TWO {
        wait_for_balancer(stage, host, "UP");
    }
    hosts::assert_cluster(lab, &TWO);
    stage.plan(&changed).expect(0).says("No changes.");
}
