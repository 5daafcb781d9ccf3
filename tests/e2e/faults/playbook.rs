//! The playbooks of fault runs: the command, the prerequisites, and the conditions after it has converged.

use super::fault::Undo;
use crate::hosts;
use crate::inventory::Inventory;
use crate::stage::{ALL, BROKERS, Stage, State};

/// A playbook of a fault run.
#[derive(Debug)]
pub struct Playbook {
    pub name: &'static str,
    pub from: State,
    pub inventory: fn() -> Inventory,
    /// The words of the command.
    pub words: fn(&Stage) -> Vec<String>,
    /// Prepares the cluster so that it has something to do.
    pub prepare: fn(&Stage),
    /// What an operator fixes before running the command again.
    pub undo: Undo,
    /// Whether a majority of the running brokers must always run.
    pub keeps_quorum: bool,
    /// Whether there is data before, which must exist afterwards.
    pub keeps_data: bool,
    /// Whether nodes may be partitioned while it is unfinished. If two nodes went down then, one after the other, the messages of
    /// a mirrored queue would be lost in any case: the next one goes down only when all are connected again.
    pub parts: bool,
    /// Whether it takes brokers out of service, one at a time.
    pub rolls: bool,
    /// Panics unless the cluster is in the playbook's final state. Then leaves it in this state.
    pub converged: fn(&Stage),
    pub leaves: State,
}

pub const PLAYBOOKS: &[Playbook] = &[
    BRING_UP,
    ENTER,
    Playbook {
        rolls: true,
        ..day2("rolling-restart", |_| words(&["run", "rolling-restart", "older-than=0s"]))
    },
    Playbook { parts: true, ..day2("rotate-cookie", |_| words(&["run", "rotate-cookie"])) },
    Playbook { converged: removed, ..day2("remove-node", |_| words(&["run", "remove-node", "node=node3"])) },
    Playbook { prepare: shrink, ..day2("grow-queues", |_| words(&["run", "grow-queues"])) },
    Playbook { prepare: wipe, ..day2("recover-node", |_| words(&["run", "recover-node", "node=node3"])) },
    Playbook {
        undo: Undo::Surroundings,
        keeps_quorum: false,
        converged: stopped,
        ..day2("stop", |_| words(&["run", "stop"]))
    },
    Playbook {
        prepare: stop,
        undo: Undo::Surroundings,
        keeps_quorum: false,
        ..day2("start", |_| words(&["run", "start"]))
    },
    Playbook {
        rolls: true,
        prepare: offer,
        leaves: State::Any,
        ..day2("upgrade", |stage| {
            words(&["run", "upgrade", &format!("version={}", hosts::next_version(&stage.lab, "node1"))])
        })
    },
    Playbook {
        inventory: || Inventory::whole().with_broker(4),
        prepare: |stage| stage.add_host("node4"),
        converged: replaced,
        leaves: State::Any,
        ..day2("replace-node", |_| words(&["run", "replace-node", "old=node3", "new=node4"]))
    },
];

/// From hosts as a provider hands them over.
pub const BRING_UP: Playbook = Playbook {
    from: State::Fresh,
    undo: Undo::Surroundings,
    keeps_data: false,
    ..day2("bring-up", |_| words(&["up"]))
};

/// The same command with only one node missing.
pub const ENTER: Playbook = Playbook {
    prepare: leave,
    undo: Undo::Surroundings,
    converged: entered,
    ..day2("enter", |_| words(&["up"]))
};

pub const fn day2(name: &'static str, words: fn(&Stage) -> Vec<String>) -> Playbook {
    Playbook {
        name,
        from: State::Converged,
        inventory: Inventory::whole,
        words,
        prepare: |_| {},
        undo: Undo::AlsoBrokers,
        keeps_quorum: true,
        keeps_data: true,
        parts: false,
        rolls: false,
        converged: nothing_to_do,
        leaves: State::Converged,
    }
}

pub fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn nothing_to_do(stage: &Stage) {
    stage.assert_nothing_to_do(&Inventory::whole());
    stage.assert_serves();
}

/// A bring-up adds no replicas: a node that came back empty has none until they are grown.
fn entered(stage: &Stage) {
    nothing_to_do(stage);
    stage.playbook(&Inventory::whole(), &["grow-queues"]).expect(0);
}

/// node3 is lost; it comes back as a blank node, with its replicas.
fn removed(stage: &Stage) {
    let inventory = Inventory::whole();
    stage.playbook(&inventory, &["remove-node", "node=node3"]).expect(0).says("No changes.");
    hosts::assert_cluster(&stage.lab, &BROKERS[..2]);
    hosts::assert_tidy(&stage.lab, &ALL);
    stage.up(&inventory).expect(0);
    stage.playbook(&inventory, &["grow-queues"]).expect(0);
    nothing_to_do(stage);
}

const WIPE: &str = "systemctl stop rabbitmq-server && rm -r /var/lib/rabbitmq/mnesia/rabbit@node3*";

/// node3 is blank, and the others do not know it. A power failure has left partial state there.
fn leave(stage: &Stage) {
    let time = stage.lab.suite().family().time_directory();
    stage
        .lab
        .stdout_of("node3", &format!("touch {time}/.rabbitup.Bz7LJ9kD /var/lib/rabbitmq/.rabbitup.aaaaaaaa"));
    stage.lab.stdout_of("node3", WIPE);
    stage.lab.stdout_of("node1", "timeout 120 rabbitmqctl -q forget_cluster_node rabbit@node3");
}

/// node3 is blank, and the others wait for it.
fn wipe(stage: &Stage) {
    stage.lab.stdout_of("node3", WIPE);
}

/// The quorum queues have no replica on node3.
fn shrink(stage: &Stage) {
    stage.lab.stdout_of("node1", "timeout 120 rabbitmq-queues -q shrink rabbit@node3");
}

/// The hosts' repositories have the next version.
fn offer(stage: &Stage) {
    let lab = &stage.lab;
    let offer = lab.suite().family().offer("next");
    hosts::on_all(&BROKERS, |host| lab.stdout_of(host, &offer));
}

fn stop(stage: &Stage) {
    stage.playbook(&Inventory::whole(), &["stop"]).expect(0);
}

/// All are down, and unchanged after the start.
fn stopped(stage: &Stage) {
    stage.playbook(&Inventory::whole(), &["stop"]).expect(0).says("No changes.");
    stage.playbook(&Inventory::whole(), &["start"]).expect(0);
    nothing_to_do(stage);
}

fn replaced(stage: &Stage) {
    let run = stage.playbook(&Inventory::whole().with_broker(4), &["replace-node", "old=node3", "new=node4"]);
    run.expect(0).says("No changes.");
    hosts::assert_cluster(&stage.lab, &["node1", "node2", "node4"]);
    stage.assert_amqp("replaced");
}
