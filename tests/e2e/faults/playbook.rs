//! The playbooks of fault runs: the command, the prerequisites, and the conditions after it has converged.

use super::fault::Undo;
use crate::hosts;
use crate::inventory::Inventory;
use crate::pair::{self, BALANCERS, SHARED};
use crate::scenarios::firewall;
use crate::stage::{ALL, BROKERS, Stage, State};

/// A playbook of a fault run.
#[derive(Debug)]
pub struct Playbook {
    pub name: &'static str,
    pub from: State,
    pub inventory: fn(&Stage) -> Inventory,
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
    /// Its load balancers.
    pub balancers: &'static [&'static str],
    /// The last number of the address that clients use.
    pub clients_at: u8,
    /// Whether several load balancers share an address.
    pub address: Address,
}

/// The address that load balancers share, in a playbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// There is none, or it comes or goes.
    Unsteady,
    /// One of them has it whatever happens to the other.
    Steady,
    /// Unfinished, both may have it: they are virtual routers of different numbers.
    MaySplit,
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
        inventory: |_| Inventory::whole().with_broker(4),
        prepare: |stage| stage.add_host("node4"),
        converged: replaced,
        leaves: State::Any,
        ..day2("replace-node", |_| words(&["run", "replace-node", "old=node3", "new=node4"]))
    },
    SHARE_ADDRESS,
    Playbook {
        inventory: |stage| pair::inventory(stage, CHANGED),
        prepare: |stage| {
            share(stage, OFFERED);
            let standby = pair::other(pair::only_holder(stage));
            stage.lab.stdout_of(standby, "systemctl stop haproxy");
        },
        address: Address::MaySplit,
        converged: |stage| shared(stage, CHANGED),
        ..pair_of("change-address")
    },
    Playbook {
        inventory: nginx,
        prepare: |stage| share(stage, OFFERED),
        address: Address::Steady,
        converged: |stage| shared_by(stage, &nginx(stage)),
        ..pair_of("replace-balancers")
    },
    Playbook {
        inventory: |_| pair::with_second(),
        prepare: |stage| share(stage, ""),
        clients_at: 21,
        converged: given_up,
        ..pair_of("give-up-address")
    },
    Playbook {
        inventory: |stage| closed(pair::inventory(stage, OFFERED)),
        prepare: |stage| {
            stage.add_host("lb2");
            firewall::close(stage, &pair::HOSTS);
            share_by(stage, &closed(pair::inventory(stage, "")));
        },
        address: Address::Steady,
        converged: |stage| shared_by(stage, &closed(pair::inventory(stage, OFFERED))),
        ..pair_of("open-ports")
    },
    Playbook {
        inventory: proxied,
        prepare: |stage| share(stage, OFFERED),
        rolls: true,
        address: Address::Steady,
        converged: |stage| shared_by(stage, &proxied(stage)),
        ..pair_of("proxy-protocol")
    },
];

/// The hosts' own firewalls drop what is not opened: one more port is, and in the balancers' configuration.
fn closed(inventory: Inventory) -> Inventory {
    Inventory { firewall: vec!["manage = true"], ..inventory }
}

fn proxied(stage: &Stage) -> Inventory {
    let mut proxied = pair::inventory(stage, OFFERED);
    proxied.config.push("proxy_protocol = true".to_owned());
    proxied
}

/// A second load balancer comes, and both share an address. HAProxy offers more than before.
pub const SHARE_ADDRESS: Playbook = pair_of("share-address");

const OFFERED: &str = "listeners = [{ serves = \"prometheus\", port = 15692 }]";
/// Every load balancer is reloaded, and becomes another virtual router.
const CHANGED: &str = "client_timeout = \"2h\"\nrouter_id = 77";

/// A bring-up with two load balancers.
const fn pair_of(name: &'static str) -> Playbook {
    Playbook {
        inventory: |stage| pair::inventory(stage, OFFERED),
        prepare: |stage| stage.add_host("lb2"),
        converged: |stage| shared(stage, OFFERED),
        leaves: State::Any,
        balancers: &BALANCERS,
        clients_at: SHARED,
        ..day2(name, |_| words(&["up"]))
    }
}

fn nginx(stage: &Stage) -> Inventory {
    let mut nginx = pair::inventory(stage, "software = \"nginx\"");
    nginx.balancer.retain(|line| !line.starts_with("stats"));
    nginx
}

/// Two load balancers share an address already.
fn share(stage: &Stage, more: &str) {
    stage.add_host("lb2");
    share_by(stage, &pair::inventory(stage, more));
}

fn share_by(stage: &Stage, inventory: &Inventory) {
    stage.up(inventory).expect(0);
    let holder = pair::only_holder(stage);
    pair::wait_until_whole(stage, inventory, holder);
}

fn shared(stage: &Stage, more: &str) {
    shared_by(stage, &pair::inventory(stage, more));
}

/// One of them has the address, the other can take it over, and clients are served there.
fn shared_by(stage: &Stage, inventory: &Inventory) {
    stage.assert_nothing_to_do(inventory);
    let holder = pair::only_holder(stage);
    pair::wait_until_whole(stage, inventory, holder);
    stage.assert_nothing_to_do(inventory);
    stage.assert_serves();
    hosts::assert_tidy(&stage.lab, &BALANCERS);
}

fn given_up(stage: &Stage) {
    stage.assert_nothing_to_do(&pair::with_second());
    assert_eq!(pair::holders(stage), Vec::<&str>::new(), "nobody has the address");
    stage.assert_serves();
}

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
        inventory: |_| Inventory::whole(),
        words,
        prepare: |_| {},
        undo: Undo::AlsoBrokers,
        keeps_quorum: true,
        keeps_data: true,
        parts: false,
        rolls: false,
        converged: nothing_to_do,
        leaves: State::Converged,
        balancers: &["lb1"],
        clients_at: 21,
        address: Address::Unsteady,
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
