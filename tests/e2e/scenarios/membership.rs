//! Nodes that leave a cluster, in all usual ways, and RAM nodes.

use std::time::Duration;

use super::adoption;
use super::queues::{self, LOGIN};
use crate::amqp;
use crate::hosts;
use crate::inventory::Inventory;
use crate::program::{Run, until};
use crate::release::Store;
use crate::stage::{BROKERS, Stage};

/// The timeout of a run with a lost host: RabbitMQ itself waits for almost a
/// minute until it gives up on it.
const WITH_A_DEAD_HOST: Duration = Duration::from_secs(110);

/// Wrong arguments are answered with the right ones, and no host is touched.
pub fn mistakes(stage: &Stage) {
    let inventory = Inventory::whole();
    let services = hosts::all_services(&stage.lab, &BROKERS);
    let wrong: [(&[&str], &str, &str); 9] = [
        (&["remove-nod", "node=node3"], "there is no playbook `remove-nod`", "did you mean `remove-node`?"),
        (&["remove-node"], "the playbook remove-node needs `node=`", "rabbitup run remove-node node=…"),
        (&["remove-node", "node3"], "`node3` is not KEY=VALUE", "rabbitup run remove-node node=…"),
        (
            &["remove-node", "nod=node3"],
            "the playbook remove-node has no parameter `nod`",
            "did you mean `node=`?",
        ),
        (&["remove-node", "node="], "a host name cannot be empty", "node=node3 or node=rabbit@node3"),
        (&["remove-node", "node=node1", "node=node2"], "`node` is given twice", "node=…"),
        (
            &["replace-node", "old=node3"],
            "the playbook replace-node needs `new=`",
            "a broker in the inventory",
        ),
        (
            &["replace-node", "old=node3", "new=node3"],
            "cannot take its own place",
            "rabbitup run recover-node",
        ),
        (
            &["replace-node", "old=node3", "new=node4"],
            "rabbit@node4 is not a broker in the inventory",
            "the old one may stay until it is replaced",
        ),
    ];
    for (words, what, advice) in wrong {
        stage.playbook(&inventory, words).expect(64).says(what).says(advice);
    }
    let stranger = stage.playbook(&inventory, &["remove-node", "node=node9"]).expect(0);
    stranger.says("rabbit@node9 is not a member of the cluster").says("No changes.");
    let stranger = stage.playbook(&inventory, &["recover-node", "node=node9"]).expect(1);
    stranger.says("rabbit@node9 is not a broker in the inventory").says("Nothing was changed.");
    let run = stage.playbook(&inventory, &["recover-node", "node=node3"]).expect(0);
    run.says("rabbit@node3 runs, and the others list it: there is nothing to recover").says("No changes.");
    assert_eq!(hosts::all_services(&stage.lab, &BROKERS), services, "services");
}

/// What fails in the tutorial fails here; --prune does it right. Then the host is added to the inventory again, and
/// its data is an old state of that cluster.
pub fn prune(stage: &Stage) {
    let lab = &stage.lab;
    let two = Inventory::whole().without("node3");
    let by_hand = lab.run_on("node1", "timeout 60 rabbitmqctl -q forget_cluster_node rabbit@node3");
    let words = String::from_utf8_lossy(&by_hand.stderr).into_owned();
    assert!(!by_hand.status.success() && words.contains("rabbit@node3 must be stopped"), "{words}");
    hosts::assert_cluster(lab, &BROKERS);

    let stranger = "rabbit@node3 is a member and not in the inventory; --prune removes it";
    stage.plan(&two).expect(2).says(stranger);
    stage
        .up(&two)
        .expect(0)
        .says("warning: rabbit@node3 is a member of the cluster, but not in the inventory");
    stage.rabbitup(&two).args(["status"]).run().expect(0).says("remove it: `rabbitup up --prune`");
    hosts::assert_cluster(lab, &BROKERS);
    let run = pruned(stage, &two).says("drain rabbit@node3 and stop its RabbitMQ remotely");
    run.says("`systemctl disable --now rabbitmq-server` there, or it tries to rejoin");
    hosts::assert_cluster(lab, &["node1", "node2"]);
    stage.rabbitup(&two).args(["up", "--yes", "--prune"]).run().expect(0).says("No changes.");

    // Its Erlang VM still runs.
    forgotten(stage, "it was forgotten while it was away");
    // Again, with a node that is down, and disabled as the note says.
    lab.stdout_of("node3", "systemctl disable -q --now rabbitmq-server");
    pruned(stage, &two).says("forget rabbit@node3, and check that no queue still lists it");
    forgotten(stage, "rabbit@node3");
    stage.assert_serves();
    lab.stdout_of("node3", "rm -r /var/lib/rabbitmq/rabbitup-kept");
}

fn pruned(stage: &Stage, two: &Inventory) -> Run {
    stage.rabbitup(two).args(["up", "--yes", "--prune"]).run().expect(0).says("Verified: No changes.")
}

/// node3 was forgotten and has its data: `up` leaves it alone and names the fix, which moves the data aside.
fn forgotten(stage: &Stage, why: &str) {
    let whole = Inventory::whole();
    let refused = stage.up(&whole).expect(1);
    refused.says(why).says("rabbitup run recover-node node=node3").says("Nothing was changed.");
    stage.rabbitup(&whole).args(["status"]).run().expect(1).says("node3");
    let before = kept(stage);
    let run = stage.playbook(&whole, &["recover-node", "node=node3"]).expect(0);
    run.says("move its data to /var/lib/rabbitmq/rabbitup-kept")
        .says("start rabbit@node3, which enters the cluster of rabbit@node1")
        .says("Verified: No changes.");
    assert_eq!(kept(stage), before + 1, "what the node had is kept");
    hosts::assert_cluster(&stage.lab, &BROKERS);
    let again = stage.playbook(&whole, &["recover-node", "node=node3"]).expect(0);
    again.says("there is nothing to recover").says("No changes.");
    // The hosts files and the load balancer list it again.
    stage.up(&whole).expect(0);
}

/// How many times node3's data was kept.
fn kept(stage: &Stage) -> usize {
    let text =
        stage.lab.stdout_of("node3", "ls -d /var/lib/rabbitmq/rabbitup-kept/*/rabbit@node3 2>/dev/null; :");
    text.lines().count()
}

/// A node that was forgotten by hand while it was down: its unit fails repeatedly.
pub fn forgotten_by_hand(stage: &Stage) {
    let lab = &stage.lab;
    lab.stdout_of("node3", "systemctl stop rabbitmq-server");
    lab.stdout_of("node1", "timeout 60 rabbitmqctl -q forget_cluster_node rabbit@node3 >/dev/null");
    if lab.suite().store() == Store::Khepri {
        // It would log nothing for five minutes, and its data does not show it; its disabled unit does.
        lab.stdout_of("node3", "systemctl disable -q rabbitmq-server");
        forgotten(stage, "its unit is disabled, as by remove-node");
        stage.assert_serves();
        lab.stdout_of("node3", "rm -r /var/lib/rabbitmq/rabbitup-kept");
        return;
    }
    lab.stdout_of("node3", "systemctl start --no-block rabbitmq-server");
    until("node3 finds that it is a member no more", Duration::from_secs(90), || {
        let failed =
            "journalctl -b -u rabbitmq-server -o cat | grep -q 'rabbitmq-server.service: Failed with result'";
        lab.run_on("node3", failed).status.success().then_some(())
    });
    forgotten(stage, "rabbit@node3");
    stage.assert_serves();
    lab.stdout_of("node3", "rm -r /var/lib/rabbitmq/rabbitup-kept");
}

/// A lost host with the only copy of a queue: not removed silently. When it comes back, it has to
/// enter again.
pub fn dead_host(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    amqp::publish(&lab.address(13), LOGIN, "only-on-node3", "classic", 3).expect("messages on node3");
    amqp::publish(&lab.address(13), LOGIN, "replicated", "quorum", 3).expect("messages everywhere");
    let refused = stage.playbook(&inventory, &["remove-node", "node=node3"]).expect(1);
    refused
        .says("rabbit@node3 has the only copy of 1 queue")
        .says("deleted with it, including bindings: only-on-node3 (3 messages, 0 bindings)")
        .says("--destroy-data node3")
        .says("Nothing was changed.");
    lab.kill("node3");
    stage.home.borrow_mut().forget_connections();
    left_out(stage, &inventory);
    let refused = stage.playbook(&inventory, &["remove-node", "node=node3"]).expect(1);
    refused
        .says("rabbit@node3 has the only copy of 1 queue")
        .says("only-on-node3")
        .says("Nothing was changed.");
    let destroy = ["run", "remove-node", "node=node3", "--yes", "--destroy-data", "node3"];
    let run = stage.rabbitup(&inventory).args(destroy).run().expect(0);
    assert!(run.took < WITH_A_DEAD_HOST, "{run}");
    run.says("deletes 1 queue that only rabbit@node3 has: only-on-node3").says("Verified: No changes.");
    hosts::assert_cluster(lab, &["node1", "node2"]);
    let names: Vec<String> = queues::members(stage, "node1", "/")
        .iter()
        .map(|queue| format!("{} {}", queue["name"], queue["members"]))
        .collect();
    assert!(names.iter().all(|name| !name.contains("node3")), "queues that count on node3: {names:?}");

    lab.boot("node3");
    if lab.suite().store() == Store::Khepri {
        // Its unit is enabled: it starts, and waits for the others, which do not list it. Then it can be queried.
        until("node3 waits for its cluster", Duration::from_secs(60), || {
            let waits = "timeout 20 rabbitmqctl -q eval 'rabbit_khepri:locally_known_nodes().'";
            String::from_utf8_lossy(&lab.run_on("node3", waits).stdout).contains("node1").then_some(())
        });
        forgotten(stage, "its data lists rabbit@node1");
    } else {
        forgotten(stage, "rabbit@node3");
    }
    assert_eq!(queues::messages(stage, "node3", "replicated"), 3);
    lab.stdout_of("node1", "rabbitmqctl -q delete_queue replicated");
    lab.stdout_of("node3", "rm -r /var/lib/rabbitmq/rabbitup-kept");
    stage.assert_serves();
}

/// While node3 is dead: what is safe goes on without it, the rest is refused, and the advice leads on.
fn left_out(stage: &Stage, inventory: &Inventory) {
    let lab = &stage.lab;
    let advice = stage.plan(inventory).expect(1).says("node3: no connection");
    advice
        .says("to go on without node3")
        .says("plan --without node3")
        .says("plan remove-node node=node3")
        .says("replace-node gives its place to another host");
    lab.stdout_of("lb1", "systemctl stop haproxy");
    let without = |words: &[&str]| {
        let words = words.iter().copied().chain(["--without", "node3"]);
        stage.rabbitup(inventory).args(words).run()
    };
    without(&["plan"]).expect(0).says("start haproxy").says("left out with --without");
    without(&["up", "--yes"]).expect(0).says("1 step done");
    without(&["plan"]).expect(0).says("No changes.");
    let refused = without(&["run", "rotate-cookie", "--yes"]).expect(1);
    refused
        .says("node3 is left out")
        .says("rabbitup run remove-node node=node3")
        .says("Nothing was changed.");
    without(&["run", "remove-node", "node=node3", "--yes"]).expect(64).says("this playbook is about it");
}

/// Two of three become RAM nodes, which takes more than the type's own command; the third must not. They start when
/// the disc node does.
pub fn ram_nodes(stage: &Stage) {
    let lab = &stage.lab;
    if lab.suite().store() == Store::Khepri {
        let ram = Inventory::whole().host_with("node3", r#"node_type = "ram""#);
        stage.up(&ram).expect(0).says("has disc nodes only").says("No changes.");
        return;
    }
    let by_hand = lab.run_on("node3", "timeout 60 rabbitmqctl -q change_cluster_node_type ram");
    let words =
        format!("{}{}", String::from_utf8_lossy(&by_hand.stdout), String::from_utf8_lossy(&by_hand.stderr));
    assert!(!by_hand.status.success() && words.contains("stop_app"), "{words}");
    // Nodes that lost power together may meet half-way when they boot.
    let failed_boots = || lab.stdout_of("node2", "cat /var/log/rabbitmq/*.log | grep -c 'BOOT FAILED' || :");
    let before = failed_boots();
    let ram = r#"node_type = "ram""#;
    let two = Inventory::whole().host_with("node2", ram).host_with("node3", ram);
    let run = stage.up(&two).expect(0);
    run.says("make rabbit@node2 a ram node (RabbitMQ on it stops for that)")
        .says("make rabbit@node3 a ram node");
    assert_eq!(ram_members(stage), ["rabbit@node2", "rabbit@node3"]);
    stage.assert_nothing_to_do(&two);
    adoption::with_ram_nodes(stage);
    let all = two.clone().host_with("node1", ram);
    let refused = stage.up(&all).expect(64);
    refused.says("no node is a disc node: the cluster would lose all its data when it stops");
    hosts::assert_cluster(lab, &BROKERS);

    stage.playbook(&two, &["stop"]).expect(0);
    stage.playbook(&two, &["start"]).expect(0).says("Verified: No changes.");
    hosts::assert_cluster(lab, &BROKERS);
    assert_eq!(ram_members(stage), ["rabbit@node2", "rabbit@node3"], "after a full stop");
    let disc = r#"node_type = "disc""#;
    let discs = Inventory::whole().host_with("node2", disc).host_with("node3", disc);
    stage.up(&discs).expect(0).says("make rabbit@node2 a disc node");
    assert!(ram_members(stage).is_empty(), "disc nodes again");
    assert_eq!(failed_boots(), before, "failed boots of node2: it was started before a disc node");
    stage.assert_nothing_to_do(&Inventory::whole());
    stage.assert_serves();
}

fn ram_members(stage: &Stage) -> Vec<String> {
    hosts::nodes(&hosts::cluster_status(&stage.lab, "node1"), "ram_nodes")
}
