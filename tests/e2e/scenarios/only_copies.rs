//! The only copies on a leaving node: deleted with consent, counted, and not lost.

use std::time::Duration;

use super::queues::{self, LOGIN, declare};
use crate::amqp::{self, Burst, Hoarder};
use crate::hosts;
use crate::inventory::Inventory;
use crate::program::until;
use crate::stage::{BROKERS, Stage, say};

/// Publishers work through other nodes while a node leaves with the only copy of their queues: one queue has a consumer that
/// acknowledges nothing, so that its messages are never ready, one has a policy that drops old messages. The confirmed messages are
/// exactly those that were moved aside, and exist when the kept data is served.
pub fn leaves_with_queues(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    for name in ["held", "left"] {
        declare(stage, 13, "/", name, "classic");
    }
    // Empty, and still refused: their bindings would be deleted, too.
    let remove = ["run", "remove-node", "node=node3", "--yes"];
    let refused = stage.rabbitup(&inventory).args(remove).run().expect(1);
    refused
        .says("rabbit@node3 has the only copy of 2 queues")
        .says("left (0 messages, 0 bindings)")
        .says("--destroy-data node3")
        .says("Nothing was changed.");
    let hoarder = Hoarder::start(&lab.address(12), LOGIN, "held");
    let bursts = [
        Burst::start(&lab.address(11), LOGIN, "held"),
        Burst::start(&lab.address(11), LOGIN, "left"),
        Burst::start(&lab.address(12), LOGIN, "left"),
    ];
    until("messages are confirmed", Duration::from_secs(30), || {
        bursts.iter().all(|burst| burst.confirmed() > 100).then_some(())
    });
    let named = remove.into_iter().chain(["--destroy-data", "node3"]);
    let run = stage.rabbitup(&inventory).args(named).run().expect(0);
    let run = run
        .says("moved aside to /var/lib/rabbitmq/rabbitup-kept/rabbit@node3.")
        .says("Verified: No changes.");
    let confirmed: usize = bursts.into_iter().map(Burst::stop).sum();
    drop(hoarder);
    hosts::assert_cluster(lab, &["node1", "node2"]);

    let told = number_before(&run.out, " messages in 2 queues that only rabbit@node3 had");
    // As pasted by an operator.
    let command =
        run.out.lines().map(str::trim).find(|line| line.starts_with("sudo runuser -u rabbitmq -- sh "));
    let command = command.unwrap_or_else(|| panic!("a command that gets them back\n{run}"));
    let served = lab.stdout_of("node3", &format!("timeout 300 {command}"));
    let kept: usize = ["held", "left"].map(|name| number_after(&served, &format!("{name}\t"))).iter().sum();
    say(&format!("                    {confirmed} confirmed, {told} told, {kept} kept"));
    assert_eq!(told, kept, "what was told is what is there: {served}");
    // A message that was accepted and whose confirm came too late is kept, but was not confirmed.
    assert!(confirmed <= kept && kept <= confirmed + 150, "{confirmed} confirmed, {kept} kept");
    // Known, and in CHANGELOG.md: replicas of quorum queues (3.10) go back to where they were before. Nothing else may be there.
    let clean = "rm -r /var/lib/rabbitmq/rabbitup-kept && cd /var/lib/rabbitmq/mnesia && \
                 if [ -d rabbit@node3 ]; then rm -r rabbit@node3/quorum && rmdir rabbit@node3; fi";
    lab.stdout_of("node3", &format!("timeout 300 {command} stop && {clean}"));

    stage.up(&inventory).expect(0);
    hosts::assert_cluster(lab, &BROKERS);
    for host in BROKERS {
        super::steady::wait_for_balancer(stage, host, "UP");
    }
    stage.playbook(&inventory, &["grow-queues"]).expect(0);
    stage.assert_serves();
}

fn number_before(text: &str, words: &str) -> usize {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let before = flat.split(words).next().filter(|before| before.len() < flat.len());
    let number = before.and_then(|before| before.rsplit(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("a number before {words:?} in {text}"))
}

fn number_after(text: &str, words: &str) -> usize {
    let after = text.split(words).nth(1).and_then(|after| after.split_whitespace().next()?.parse().ok());
    after.unwrap_or_else(|| panic!("a number behind {words:?} in {text}"))
}

/// A node with an unmounted disk looks like one that was wiped. It is not forgotten, and has its queue when the disk is back.
pub fn not_mounted(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    amqp::publish(&lab.address(13), LOGIN, "on-the-disk", "classic", 3).expect("messages on node3");
    lab.stdout_of(
        "node3",
        "systemctl stop rabbitmq-server; mv /var/lib/rabbitmq/mnesia /root/disk; cp -p /etc/fstab /root/fstab; \
         echo '/dev/vdz1 /var/lib/rabbitmq/mnesia ext4 defaults,nofail 0 2' >>/etc/fstab",
    );
    let recover = ["recover-node", "node=node3"];
    let named = ["run", "recover-node", "node=node3", "--yes", "--destroy-data", "node3"];
    let words = "a file system belongs at /var/lib/rabbitmq/mnesia";
    stage.rabbitup(&inventory).args(named).run().expect(1).says(words).says("Nothing was changed.");
    // The refusal that used to recommend recover-node says the same.
    stage.plan(&inventory).expect(1).says("rabbit@node1 still lists rabbit@node3").says(words);
    lab.stdout_of("node3", "mv /root/fstab /etc/fstab");
    // Without that line nothing shows that a disk is missing: then the queue is named, and consent is required.
    let refused = stage.playbook(&inventory, &recover).expect(1);
    refused.says("rabbit@node3 had the only copy of 1 queue").says("on-the-disk").says("an unmounted disk");
    stage.plan(&inventory).expect(1).says("first make sure that its data is gone");
    lab.stdout_of(
        "node3",
        "rmdir /var/lib/rabbitmq/mnesia 2>/dev/null; mv /root/disk /var/lib/rabbitmq/mnesia",
    );
    stage.up(&inventory).expect(0);
    until("the messages are counted", Duration::from_secs(20), || {
        (queues::messages(stage, "node1", "on-the-disk") == 3).then_some(())
    });
    lab.stdout_of("node1", "rabbitmqctl -q delete_queue on-the-disk");
    stage.assert_serves();
}
