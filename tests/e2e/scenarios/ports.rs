//! Brokers that listen elsewhere than on RabbitMQ's usual ports, and firewalls that are as tight as they may be.

use crate::hosts;
use crate::inventory::Inventory;
use crate::load::Load;
use crate::stage::{BROKERS, Stage};

/// Drops or rejects TCP packets on every broker, but for those that a condition lets through.
fn filter(stage: &Stage, rule: &str) {
    let command = format!(
        "nft 'add table inet e2e; add chain inet e2e input {{ type filter hook input priority 0; }}; add rule inet e2e input {rule}'"
    );
    let lab = &stage.lab;
    hosts::on_all(&BROKERS, |host| lab.stdout_of(host, &command));
}

fn unfilter(stage: &Stage) {
    let lab = &stage.lab;
    hosts::on_all(&BROKERS, |host| lab.stdout_of(host, "nft delete table inet e2e"));
}

fn with(lines: &[&str]) -> Inventory {
    let mut inventory = Inventory::whole();
    inventory.config.extend(lines.iter().map(|line| (*line).to_owned()));
    inventory
}

/// Only what brokers need of each other is asked for: epmd and the port of Erlang distribution, wherever that is.
pub fn closed_to_each_other(stage: &Stage) {
    let whole = Inventory::whole();
    let (lb, local) = (stage.lab.address(21), "127.0.0.1");
    filter(stage, &format!("tcp dport {{ 5672, 15672 }} ip saddr != {{ {local}, {lb} }} drop"));
    stage.assert_nothing_to_do(&whole);
    stage.rabbitup(&whole).args(["doctor"]).run().expect(0);
    unfilter(stage);

    // What is not healthy is not verified, although nothing is left to change.
    filter(stage, &format!("ip saddr {lb} tcp dport 5672 reject with tcp reset"));
    super::steady::wait_for_balancer(stage, "node1", "DOWN");
    let unwell = stage.up(&whole).expect(1).says("Not healthy: nothing is left to change, and");
    unwell.says("node1 is DOWN for haproxy: rabbitmq").does_not_say("Verified");
    unfilter(stage);
    super::steady::wait_for_balancer(stage, "node1", "UP");

    let moved = with(&[
        "distribution.listener.port_range.min = 25679",
        "distribution.listener.port_range.max = 25679",
    ]);
    stage.up(&moved).expect(0).says("Verified: No changes.");
    filter(stage, "tcp dport 25672 drop");
    stage.assert_nothing_to_do(&moved);
    stage.lab.stdout_of("node2", "systemctl stop rabbitmq-server");
    stage.up(&moved).expect(0).says("Verified: No changes.");
    stage.rabbitup(&moved).args(["doctor"]).run().expect(0).does_not_say("25672");
    unfilter(stage);

    // The other way round: a plan that starts a node needs the port, and one that changes nothing does not. Links stay up.
    filter(stage, "iif != lo tcp flags & (syn | ack) == syn tcp dport 25679 drop");
    stage.assert_nothing_to_do(&moved);
    stage.lab.stdout_of("node2", "systemctl stop rabbitmq-server");
    let refused = stage.plan(&moved).expect(1);
    refused.says("node1 cannot be reached on port 25679 (Erlang distribution)").does_not_say("5672 (AMQP)");
    unfilter(stage);
    stage.up(&moved).expect(0).says("Verified: No changes.");
}

/// Behind HAProxy: a port that it cannot reach stops the roll at the first broker, and no client notices a roll to a good one.
pub fn moved_behind_haproxy(stage: &Stage) {
    let moved = with(&[
        "listeners.tcp.default = 5673",
        "management.tcp.port = 15673",
        "management.path_prefix = \"/mq\"",
    ]);
    let lb = stage.lab.address(21);
    filter(stage, &format!("ip saddr {lb} tcp dport 5673 drop"));
    stage.plan(&moved).expect(1).says("lb1: node1 cannot be reached on port 5673 (AMQP)");
    unfilter(stage);

    // A reset looks like a port on which nothing listens yet, so only the first broker shows it.
    filter(stage, &format!("ip saddr {lb} tcp dport 5673 reject with tcp reset"));
    let before = hosts::starts(&stage.lab, &BROKERS);
    let load = Load::start(stage, "moved-behind-haproxy");
    let failed = stage.up(&moved).expect(1).says("HAProxy does not use node1 again, since its checks fail");
    failed.says("rabbitmq DOWN L4CON").says(":5673").does_not_say("Verified");
    assert_eq!(hosts::starts(&stage.lab, &BROKERS)[1..], before[1..], "node2 and node3 run on");
    load.goes_on();
    unfilter(stage);
    super::steady::wait_for_balancer(stage, "node1", "UP");
    stage.up(&moved).expect(0).says("Verified: No changes.");
    load.end("a roll of brokers that change their ports, stopped at the first and resumed");
    looks_right(stage, &moved);

    // A UI without its path answers the present check with 404: it waits for the new configuration.
    let load = Load::start(stage, "moved-back");
    let back = stage.up(&Inventory::whole()).expect(0).says("put node1 back into the balancer, on port 5672");
    back.says("the management UI changes its path").says("Verified: No changes.");
    load.end("a roll back to the usual ports");
}

/// nginx cannot be told at run time: it looks for each broker at both ports meanwhile.
pub fn moved_behind_nginx(stage: &Stage) {
    let nginx =
        |lines: &[&str]| Inventory { balancer: vec![r#"software = "nginx""#.to_owned()], ..with(lines) };
    stage.up(&nginx(&[])).expect(0).says("Verified: No changes.");
    let moved = nginx(&["listeners.tcp.default = 5673", "management.tcp.port = 15673"]);
    // RabbitMQ 3 takes a dozen seconds for each restart, and what nginx does then is not the point here.
    let load = (!stage.lab.suite().mirrors()).then(|| Load::start(stage, "moved-behind-nginx"));
    let run = stage.up(&moved).expect(0).says("with both ports of each broker").says("Verified: No changes.");
    run.says("write /etc/nginx/nginx.conf");
    if let Some(load) = load {
        load.end("a roll of brokers that change their ports, behind nginx");
    }
    looks_right(stage, &moved);
    let conf = stage.lab.stdout_of("lb1", "cat /etc/nginx/nginx.conf");
    assert!(conf.contains(":5673 ") && !conf.contains(":5672 "), "{conf}");
}

/// Clients, the balancer, status and doctor agree.
fn looks_right(stage: &Stage, inventory: &Inventory) {
    stage.assert_amqp("moved");
    stage.assert_nothing_to_do(inventory);
    stage.rabbitup(inventory).args(["status"]).run().expect(0).says("AMQP answers on port 5672");
    stage.rabbitup(inventory).args(["doctor"]).run().expect(0);
}
