//! The playbooks that are marched: how each is called, what it needs before, what is true once it has converged.

use super::fault::Undo;
use crate::hosts;
use crate::inventory::Inventory;
use crate::stage::{ALL, BROKERS, Stage, State};

/// A playbook as a march runs it.
#[derive(Debug)]
pub struct Playbook {
    pub name: &'static str,
    pub from: State,
    pub inventory: fn() -> Inventory,
    /// The words of the command.
    pub words: fn(&Stage) -> Vec<String>,
    /// What it takes to have something to do.
    pub prepare: fn(&Stage),
    /// What an operator mends before he runs the command again.
    pub undo: Undo,
    /// Whether a majority of brokers that ran has to run at every time.
    pub keeps_quorum: bool,
    /// Whether there is data before, which has to be there afterwards.
    pub keeps_data: bool,
    /// Panics unless the cluster is what the playbook makes of it; leaves it converged.
    pub converged: fn(&Stage),
}

pub const PLAYBOOKS: &[Playbook] = &[
    Playbook {
        name: "bring-up",
        from: State::Fresh,
        inventory: Inventory::whole,
        words: |_| words(&["up"]),
        prepare: |_| {},
        undo: Undo::Surroundings,
        keeps_quorum: true,
        keeps_data: false,
        converged: nothing_to_do,
    },
    day2("rolling-restart", |_| words(&["run", "rolling-restart", "older-than=0s"])),
    day2("rotate-cookie", |_| words(&["run", "rotate-cookie"])),
    Playbook { converged: removed, ..day2("remove-node", |_| words(&["run", "remove-node", "node=node3"])) },
];

const fn day2(name: &'static str, words: fn(&Stage) -> Vec<String>) -> Playbook {
    Playbook {
        name,
        from: State::Converged,
        inventory: Inventory::whole,
        words,
        prepare: |_| {},
        undo: Undo::AlsoBrokers,
        keeps_quorum: true,
        keeps_data: true,
        converged: nothing_to_do,
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn nothing_to_do(stage: &Stage) {
    stage.assert_nothing_to_do(&Inventory::whole());
    stage.assert_serves();
}

/// node3 is gone; it comes back as a blank node, and its replicas with it.
fn removed(stage: &Stage) {
    let inventory = Inventory::whole();
    stage.playbook(&inventory, &["remove-node", "node=node3"]).expect(0).says("No changes.");
    hosts::assert_cluster(&stage.lab, &BROKERS[..2]);
    hosts::assert_tidy(&stage.lab, &ALL);
    stage.up(&inventory).expect(0);
    stage.playbook(&inventory, &["grow-queues"]).expect(0);
    nothing_to_do(stage);
}
