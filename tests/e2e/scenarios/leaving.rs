//! A node replaced, and a node removed, under load.

use crate::hosts;
use crate::inventory::Inventory;
use crate::load::Load;
use crate::scenarios::queues;
use crate::stage::{BROKERS, Stage, say};
use crate::watch::server_states;

/// The nodes with a replica of every quorum queue, as all nodes list them.
fn replicas(stage: &Stage, host: &str) -> Vec<Vec<String>> {
    let queues = queues::members(stage, host, "/");
    let quorum = queues.iter().filter(|queue| queue["members"].is_array());
    quorum.map(|queue| hosts::nodes(queue, "members")).collect()
}

fn node_names(hosts: &[&str]) -> Vec<String> {
    hosts.iter().map(|host| format!("rabbit@{host}")).collect()
}

/// The node on this host has left: stopped permanently, its data kept, not listed by the balancer and the others.
#[track_caller]
fn assert_left(stage: &Stage, gone: &str, others: &[&str]) {
    let lab = &stage.lab;
    hosts::assert_cluster(lab, others);
    for replicas in replicas(stage, others[0]) {
        assert!(!replicas.contains(&format!("rabbit@{gone}")), "a queue still lists {gone}: {replicas:?}");
    }
    let state =
        lab.stdout_of(gone, "systemctl is-enabled rabbitmq-server; systemctl is-active rabbitmq-server; :");
    assert_eq!(state, "disabled\ninactive", "the unit on {gone}");
    let kept =
        lab.stdout_of(gone, "ls -d /var/lib/rabbitmq/rabbitup-kept/*/rabbit@*; ls /var/lib/rabbitmq/mnesia");
    assert!(kept.contains(&format!("/rabbit@{gone}")), "{gone} keeps its data: {kept}");
    assert!(!lab.run_on(gone, &format!("test -e /var/lib/rabbitmq/mnesia/rabbit@{gone}")).status.success());
    let servers = server_states(&lab.address(21)).expect("HAProxy's statistics");
    assert!(servers.keys().eq(others), "the balancer knows {servers:?}");
}

/// A host that is removed from the inventory is removed from the hosts files, and from the clients of the time source.
#[track_caller]
fn forget_names(stage: &Stage, inventory: &Inventory) {
    let services = hosts::all_services(&stage.lab, &BROKERS);
    let planned = stage.planned(inventory);
    let time = format!("write {}", stage.lab.suite().family().time_file());
    let about_names = |step: &String| step.contains("/etc/hosts") || step.ends_with(&time);
    assert!(planned.iter().all(about_names), "{planned:#?}");
    stage.up(inventory).expect(0);
    assert_eq!(hosts::all_services(&stage.lab, &BROKERS), services, "who was restarted");
    stage.assert_nothing_to_do(inventory);
}

/// node4 replaces node3, then leaves, and node3 comes back as a blank node.
pub fn replace_and_remove(stage: &Stage) {
    stage.add_host("node4");
    let four = Inventory::whole().with_broker(4);
    let load = Load::start(stage, "replace-node");
    let replace = ["replace-node", "old=node3", "new=node4"];
    let run = stage.playbook(&four, &replace).expect(0);
    say(&format!("                    replace-node took {:.1?}", run.took));
    run.says("remove node3 from the inventory, too");
    load.end_but_keep("replace-node");
    let new = ["node1", "node2", "node4"];
    assert_left(stage, "node3", &new);
    let held = replicas(stage, "node1");
    assert!(!held.is_empty() && held.iter().all(|nodes| *nodes == node_names(&new)), "{held:?}");
    stage
        .playbook(&four, &replace)
        .expect(0)
        .says("No changes.")
        .says("rabbit@node3 is not a member of the cluster");
    let three = four.clone().without("node3");
    forget_names(stage, &three);
    stage.assert_amqp("replaced");

    let load = Load::start(stage, "remove-node");
    let run = stage.playbook(&three, &["remove-node", "node=node4"]).expect(0);
    say(&format!("                    remove-node took {:.1?}", run.took));
    load.end("remove-node");
    let two = three.clone().without("node4");
    assert_left(stage, "node4", &["node1", "node2"]);
    stage.playbook(&three, &["remove-node", "node=node4"]).expect(0).says("No changes.");
    // It is still in the inventory, which is not an error in another run.
    let status = stage.rabbitup(&three).args(["status"]).run().expect(0);
    status.says("rabbit@node4 was removed from the cluster, but is still in the inventory").says("Healthy:");
    stage.playbook(&three, &["rebalance"]).expect(0);
    forget_names(stage, &two);
    stage.assert_amqp("removed");
    stage.lose_host("node4");

    // Its kept data does not interfere.
    stage.up(&Inventory::whole()).expect(0);
    for host in BROKERS {
        super::steady::wait_for_balancer(stage, host, "UP");
    }
    stage.assert_nothing_to_do(&Inventory::whole());
    // Membership alone does not restore replicas.
    stage.playbook(&Inventory::whole(), &["grow-queues"]).expect(0).says("grow queues onto rabbit@node3");
    let held = replicas(stage, "node1");
    assert!(held.iter().all(|nodes| nodes.len() == 3), "every queue has three replicas again: {held:?}");
    stage.assert_serves();
}
