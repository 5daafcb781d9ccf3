//! Stopped clusters, and nodes that cannot recover by themselves.

use std::time::Duration;

use super::queues::{self, LOGIN, declare, messages};
use crate::amqp;
use crate::hosts::{self, on_all};
use crate::inventory::{Entry, Inventory};
use crate::lab::Host;
use crate::program::until;
use crate::release::{Store, Suite};
use crate::stage::{ALL, BROKERS, Stage};

/// The brokers of [`Inventory::whole`] without their load balancer, in this order.
fn only(brokers: &[u8]) -> Inventory {
    let mut inventory = Inventory::whole();
    inventory.hosts = brokers.iter().map(|n| Entry::broker(&format!("node{n}"), 10 + n)).collect();
    inventory
}

/// The state of a wiped node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Stopped.
    Down,
    /// Its unit was started on the empty disk.
    Started,
}

/// A host whose disk was replaced while the cluster still lists it.
pub fn wiped(stage: &Stage) {
    let lab = &stage.lab;
    amqp::publish(&lab.address(11), LOGIN, "wiped-quorum", "quorum", 200).expect("messages everywhere");
    if lab.suite().streams() {
        amqp::publish(&lab.address(11), LOGIN, "wiped-stream", "stream", 20).expect("messages everywhere");
    }
    declare(stage, 11, "/", "wiped-other", "quorum");
    for found in [Found::Down, Found::Started] {
        wipe(stage, found);
        recover_wiped(stage, found);
    }
    let kinds = if lab.suite().streams() { "quorum stream other" } else { "quorum other" };
    let forget = format!("for queue in {kinds}; do rabbitmqctl -q delete_queue wiped-$queue || exit; done");
    lab.stdout_of("node1", &forget);
    stage.assert_serves();
}

fn wipe(stage: &Stage, found: Found) {
    let lab = &stage.lab;
    lab.stdout_of("node3", "systemctl stop rabbitmq-server && rm -r /var/lib/rabbitmq/mnesia/rabbit@node3*");
    if found == Found::Started {
        lab.stdout_of("node3", "systemctl start --no-block rabbitmq-server");
        until("the blank node has looked for its cluster", Duration::from_secs(60), || {
            lab.run_on("node3", "test -d /var/lib/rabbitmq/mnesia/rabbit@node3")
                .status
                .success()
                .then_some(())
        });
    }
}

/// It may have entered by itself meanwhile, as some versions allow.
fn recover_wiped(stage: &Stage, found: Found) {
    let (lab, inventory) = (&stage.lab, Inventory::whole());
    if found == Found::Down {
        let refused = stage.up(&inventory).expect(1);
        refused
            .says("rabbit@node1 still lists rabbit@node3, which does not know the cluster")
            .says("rabbitup run recover-node node=node3")
            .says("Nothing was changed.");
        let status = stage.rabbitup(&inventory).args(["status"]).run().expect(1);
        status
            .says("the cluster lists rabbit@node3, which has no data on its host and would be refused")
            .says("`rabbitup run recover-node node=node3` brings it back");
    }
    // While its first boot is under way it is told to run the command again in a moment.
    let run = until("its boot has ended", Duration::from_secs(120), || {
        let run = stage.playbook(&inventory, &["recover-node", "node=node3"]);
        (!run.to_string().contains("it is starting; in a moment:")).then_some(run)
    });
    let run = run.expect(0);
    if found == Found::Down {
        run.says("forget rabbit@node3, and check that no queue still lists it")
            .says("start rabbit@node3, which enters the cluster of rabbit@node1")
            .says("grow queues onto rabbit@node3, and wait until it has caught up");
    }
    hosts::assert_cluster(lab, &BROKERS);
    for queue in queues::members(stage, "node3", "/").iter().filter(|queue| queue["members"].is_array()) {
        assert_eq!(queue["members"].as_array().map(Vec::len), Some(3), "{queue}, {found:?}");
    }
    until("the messages are counted on node3", Duration::from_secs(20), || {
        (messages(stage, "node3", "wiped-quorum") == 200).then_some(())
    });
    let again = stage.playbook(&inventory, &["recover-node", "node=node3"]).expect(0);
    again.says("there is nothing to recover").says("No changes.");
    stage.assert_nothing_to_do(&inventory);
    let _ = lab.run_on("node3", "rm -r /var/lib/rabbitmq/rabbitup-kept");
}

/// The state of the node that left, when the one that was down starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Founder {
    Off,
    /// Runs, blank, without a cluster.
    Blank,
}

/// node2 was down while node3 joined and node1, the only one that node2 knows, left.
pub fn slept(stage: &Stage) {
    // Both cases work on both releases; each release tests one, to save time.
    let founder = if stage.lab.suite() == Suite::Trixie { Founder::Blank } else { Founder::Off };
    stage.fresh_hosts(&[1, 2, 3].map(|n| Host::new(&format!("node{n}"), 10 + n)));
    sleep_through(stage, founder);
    wake(stage, founder);
}

fn sleep_through(stage: &Stage, founder: Founder) {
    let lab = &stage.lab;
    stage.up(&only(&[1, 2])).expect(0);
    amqp::publish(&lab.address(12), LOGIN, "home-on-node2", "classic", 50).expect("messages on node2");
    lab.stdout_of("node2", "systemctl stop rabbitmq-server");
    stage.up(&only(&[1, 3])).expect(0).says("start rabbit@node3, which enters the cluster of rabbit@node1");
    let leave = "timeout 60 rabbitmqctl -q stop_app && timeout 60 rabbitmqctl -q reset";
    lab.stdout_of("node1", leave);
    let then = match founder {
        Founder::Off => "systemctl disable --now rabbitmq-server".to_owned(),
        // Blank and alone: nothing leads it back to node3.
        Founder::Blank => {
            "sed -i /^cluster_formation/d /etc/rabbitmq/rabbitmq.conf && timeout 60 rabbitmqctl -q start_app"
                .to_owned()
        }
    };
    lab.stdout_of("node1", &then);
}

fn wake(stage: &Stage, founder: Founder) {
    let lab = &stage.lab;
    let inventory = only(&[2, 3]);
    if lab.suite().store() == Store::Khepri {
        // The cluster's leader finds it, whichever members it remembers: starting it is enough.
        let run = stage.playbook(&inventory, &["recover-node", "node=node2"]).expect(0);
        run.says("start rabbit@node2").says("Verified: No changes.");
        hosts::assert_cluster(lab, &["node2", "node3"]);
        assert_eq!(messages(stage, "node3", "home-on-node2"), 50, "{founder:?}");
        stage.assert_nothing_to_do(&inventory);
        return;
    }
    let follow = "tell rabbit@node2 the current members, as rabbit@node3 sees them";
    let planned = stage.rabbitup(&inventory).args(["plan", "recover-node", "node=node2"]).run().expect(0);
    planned.says(follow).says("it remembers rabbit@node1, none of which is a running member");
    // A bring-up must not start it and wait for a node that never comes.
    let up = stage.up(&inventory).expect(1);
    up.says("rabbitup run recover-node node=node2").says("Nothing was changed.");
    let run = stage.playbook(&inventory, &["recover-node", "node=node2"]).expect(0);
    run.says(follow).says("Verified: No changes.");
    hosts::assert_cluster(lab, &["node2", "node3"]);
    assert_eq!(messages(stage, "node3", "home-on-node2"), 50, "{founder:?}");
    let again = stage.playbook(&inventory, &["recover-node", "node=node2"]).expect(0);
    again.says("there is nothing to recover").says("No changes.");
    let kept = lab.stdout_of("node2", "ls /var/lib/rabbitmq/rabbitup-kept/*");
    assert!(kept.contains("schema.DAT"), "{kept}");
    stage.up(&inventory).expect(0);
    stage.assert_nothing_to_do(&inventory);
}

/// Stopped in order, started together; also after hosts were stopped in any order, and after a power failure of all.
pub fn full_stop(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    let run = |words: &[&str]| stage.playbook(&inventory, words).expect(0);
    amqp::publish(&lab.address(11), LOGIN, "stopped-quorum", "quorum", 50).expect("messages everywhere");
    amqp::publish(&lab.address(13), LOGIN, "stopped-classic", "classic", 50).expect("messages on node3");
    let stop = run(&["stop"]);
    assert!(stop.took < Duration::from_secs(60), "{stop}");
    stop.says("no client is served until: rabbitup run start").says("the last to stop");
    let state = |host: &str| lab.stdout_of(host, "systemctl is-active rabbitmq-server; :");
    assert_eq!(on_all(&BROKERS, state), ["inactive"; 3]);
    run(&["stop"]).says("No changes.");
    stage.rabbitup(&inventory).args(["status"]).run().expect(1).says("0 of 3 nodes run");
    start(stage, &inventory);
    run(&["start"]).says("No changes.");

    for host in BROKERS {
        lab.stdout_of(host, "systemctl stop rabbitmq-server");
    }
    start(stage, &inventory);

    on_all(&ALL, |host| lab.kill(host));
    stage.home.borrow_mut().forget_connections();
    on_all(&ALL, |host| lab.boot(host));
    start(stage, &inventory);
    lab.stdout_of(
        "node1",
        "for queue in quorum classic; do rabbitmqctl -q delete_queue stopped-$queue || exit; done",
    );
    stage.up(&inventory).expect(0).says("No changes.");
    stage.assert_serves();
}

fn start(stage: &Stage, inventory: &Inventory) {
    let run = stage.playbook(inventory, &["start"]).expect(0);
    assert!(run.took < Duration::from_secs(90), "{run}");
    hosts::assert_cluster(&stage.lab, &BROKERS);
    for queue in ["stopped-quorum", "stopped-classic"] {
        until("the messages are counted", Duration::from_secs(20), || {
            (messages(stage, "node1", queue) == 50).then_some(())
        });
    }
}

/// The same playbooks on a cluster whose metadata is in Khepri.
pub fn khepri(stage: &Stage) {
    if stage.lab.suite().store() == Store::Mnesia {
        return;
    }
    let (lab, inventory) = (&stage.lab, Inventory::whole());
    let run = |words: &[&str]| stage.playbook(&inventory, words).expect(0);
    stage.enable_khepri();
    amqp::publish(&lab.address(11), LOGIN, "khepri", "quorum", 50).expect("messages everywhere");
    stage.assert_nothing_to_do(&inventory);
    stage.rabbitup(&inventory).args(["status"]).run().expect(0).says("metadata in Khepri");
    run(&["rolling-restart", "older-than=0s"]).says("Verified: No changes.");
    let before = hosts::assert_cookie(lab, &BROKERS);
    run(&["rotate-cookie"]).says("Verified: No changes.");
    assert_ne!(hosts::assert_cookie(lab, &BROKERS), before, "the cookie's digest");
    run(&["remove-node", "node=node3"]).says("forget rabbit@node3, and check that no queue still lists it");
    hosts::assert_cluster(lab, &["node1", "node2"]);
    stage.up(&inventory).expect(0);
    run(&["grow-queues"]);
    hosts::assert_cluster(lab, &BROKERS);
    wipe(stage, Found::Down);
    run(&["recover-node", "node=node3"]).says("Verified: No changes.");
    hosts::assert_cluster(lab, &BROKERS);
    let stop = run(&["stop"]);
    // The last one waits half a minute for a majority that no longer exists.
    assert!(stop.took < Duration::from_secs(90), "{stop}");
    run(&["start"]).says("Verified: No changes.");
    let members = queues::members(stage, "node2", "/");
    assert!(members.iter().all(|queue| queue["members"].as_array().map(Vec::len) == Some(3)), "{members:?}");
    for number in 0..50 {
        let taken = amqp::take(&lab.address(12), LOGIN, "khepri").expect("the queue answers");
        assert_eq!(taken, Some(format!("message {number}")));
    }
    lab.stdout_of("node1", "rabbitmqctl -q delete_queue khepri");
    stage.assert_serves();
}

/// After a full stop the others wait for the one that stopped last, and its host is lost.
pub fn dead_last(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    BROKERS.iter().for_each(|host| drop(lab.stdout_of(host, "systemctl stop rabbitmq-server")));
    lab.kill("node3");
    stage.home.borrow_mut().forget_connections();
    let run = stage.playbook(&inventory, &["remove-node", "node=node3"]).expect(1);
    run.says("rabbit@node3 may have the only copy of some queues").says("--destroy-data node3");
    let words = ["remove-node", "node=node3", "--destroy-data", "node3"];
    let run = stage.playbook(&inventory, &words).expect(0);
    let run = match lab.suite().store() {
        Store::Khepri => run.says("a majority starts without the lost node"),
        Store::Mnesia | Store::Either => {
            run.says("forget rabbit@node3 while rabbit@node2 is stopped (forget_cluster_node --offline)")
        }
    };
    run.says("deletes the queues that only rabbit@node3 had; their number is unknown")
        .says("Verified: No changes.");
    hosts::assert_cluster(lab, &["node1", "node2"]);
    stage.playbook(&inventory, &["remove-node", "node=node3"]).expect(0).says("No changes.");

    // Its host comes back, with the node's old data.
    lab.boot("node3");
    stage.home.borrow_mut().forget_connections();
    let run = stage.playbook(&inventory, &["recover-node", "node=node3"]).expect(0);
    run.says("move its data to /var/lib/rabbitmq/rabbitup-kept");
    stage.up(&inventory).expect(0);
    stage.assert_serves();
}
