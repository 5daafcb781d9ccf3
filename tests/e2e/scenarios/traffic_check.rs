//! What other tests rely on: traffic that reports losses and only real ones, a
//! next version that is installed only on request, and hosts that are added and removed.

use crate::hosts;
use crate::inventory::Inventory;
use crate::stage::{Stage, say};

/// A broker stops under load and comes back: clients use another one, and nothing is lost. A queue is emptied by another
/// client: that is detected.
pub fn sees_a_loss(stage: &Stage) {
    let lab = &stage.lab;
    let traffic = stage.traffic("traffic-quorum", "quorum");
    traffic.wait_for(100);
    for node in ["node1", "node2"] {
        lab.stdout_of(node, "systemctl stop rabbitmq-server");
        traffic.wait_for(100);
        lab.stdout_of(node, "systemctl start rabbitmq-server");
        super::steady::wait_for_balancer(stage, node, "UP");
        traffic.wait_for(100);
    }
    let tally = traffic.stop();
    say(&format!("                    {tally}"));
    tally.assert_none_lost();
    assert!(tally.confirmed > 500 && tally.consumed >= tally.confirmed, "{tally}");
    assert!(tally.reconnects > 0, "either side was on a node that stopped: {tally}");

    let traffic = stage.traffic("traffic-classic", "classic");
    traffic.wait_for(50);
    traffic.pause_consumer();
    traffic.wait_for_confirms(50);
    lab.stdout_of("node3", "rabbitmqctl -q purge_queue traffic-classic");
    traffic.wait_for_confirms(50);
    traffic.resume_consumer();
    traffic.wait_for(100);
    let tally = traffic.stop();
    say(&format!("                    with a queue that is purged: {tally}"));
    assert!(tally.lost.len() >= 50, "{tally}");
    assert!(tally.consumed < tally.confirmed && tally.to_string().contains(" lost (numbers "), "{tally}");

    lab.stdout_of(
        "node1",
        "for queue in traffic-quorum traffic-classic; do rabbitmqctl -q delete_queue $queue; done",
    );
    stage.assert_serves();
}

/// A fourth broker only needs a plan, and its removal does not harm the cluster; the next version is installed only
/// on request.
pub fn more_of_everything(stage: &Stage) {
    let lab = &stage.lab;
    let (installed, next) = (hosts::package_version(lab, "node1"), hosts::next_version(lab, "node1"));
    let running = hosts::running_version(lab, "node1");
    assert!(installed.starts_with(&format!("{running}-")), "{running} runs, {installed} is installed");
    let chosen = lab.run_on("node1", &lab.suite().family().chooses(&installed, &next));
    assert!(chosen.status.success(), "{installed} is what one gets, and {next} is newer: {chosen:?}");

    stage.add_host("node4");
    let four = Inventory::whole().with_broker(4);
    let planned = stage.planned(&four);
    let install = format!("node4 install rabbitmq-server {installed}");
    assert!(planned.iter().any(|step| step.starts_with(&install)), "{planned:#?}");
    stage.lose_host("node4");
    stage.plan(&four).expect(1).says("node4: no connection");
    stage.assert_nothing_to_do(&four.without("node4"));
}
