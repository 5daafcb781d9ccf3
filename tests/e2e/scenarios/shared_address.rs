//! Two load balancers with one address: whatever happens to the one that has it, clients reconnect to the other, and no confirmed message
//! is lost.

use crate::inventory::{ADMIN, ADMIN_PASSWORD, Inventory};
use crate::lab::Host;
use crate::pair::{
    self, BALANCERS, HOSTS, READY, SHARED, holders, inventory, only_holder, other, wait_until_whole,
};
use crate::program::until;
use crate::stage::{Stage, octet, say};
use crate::traffic::Traffic;

/// Something happens to the holder while messages go through the address. Returns who has it then.
fn under_load(
    stage: &Stage,
    inventory: &Inventory,
    what: &str,
    happens: impl FnOnce(&str),
    moves: Moves,
    repair: impl FnOnce(&str),
) -> &'static str {
    let holder = only_holder(stage);
    wait_until_whole(stage, inventory, holder);
    let queue = what.replace(' ', "-");
    let traffic = Traffic::start(&stage.lab.address(SHARED), (ADMIN, ADMIN_PASSWORD), &queue, "quorum");
    traffic.wait_for(100);
    traffic.measure_from_now();
    happens(holder);
    let then = match moves {
        Moves::Away => other(holder),
        Moves::Not => holder,
    };
    traffic.wait_for(100);
    until(&format!("{then} has the address ({what})"), READY, || {
        // A host that is cut off still answers the lab.
        holders(stage).contains(&then).then_some(())
    });
    repair(holder);
    // A second move would show now.
    wait_until_whole(stage, inventory, then);
    traffic.wait_for(100);
    let tally = traffic.stop();
    say(&format!("{:8} {what}: {tally}", stage.lab.suite().name()));
    tally.assert_none_lost();
    assert_eq!(holders(stage), [then], "{what}");
    then
}

#[derive(Clone, Copy)]
enum Moves {
    Away,
    Not,
}

pub fn moves(stage: &Stage) {
    let lab = &stage.lab;
    stage.fresh_hosts(&HOSTS.map(|name| Host::new(name, octet(name))));
    let inventory = inventory(stage, "");
    stage.up(&inventory).expect(0).says("write /etc/keepalived/keepalived.conf");
    stage.assert_nothing_to_do(&inventory);
    let holder = only_holder(stage);
    wait_until_whole(stage, &inventory, holder);
    let no = |_: &str| {};
    let on = |command: &'static str| move |host: &str| drop(lab.stdout_of(host, command));

    let stopped = "HAProxy is stopped";
    under_load(
        stage,
        &inventory,
        stopped,
        on("systemctl stop haproxy"),
        Moves::Away,
        on("systemctl start haproxy"),
    );
    // It starts again by itself.
    let killed = "keepalived is killed";
    under_load(stage, &inventory, killed, on("systemctl kill -s KILL keepalived"), Moves::Away, no);
    let heal = |host: &str| {
        // Alone it gives the address up, since it reaches no broker.
        until("the host that is cut off gives the address up", READY, || {
            (!holders(stage).contains(&host)).then_some(())
        });
        stage.rabbitup(&inventory).args(["status"]).run().says(&format!("held by {}", other(host)));
        lab.heal(host);
    };
    under_load(stage, &inventory, "the holder is cut off", |host| lab.cut(host), Moves::Away, heal);
    let reload = |_: &str| {
        for host in BALANCERS {
            lab.stdout_of(host, "systemctl reload haproxy keepalived");
        }
    };
    under_load(stage, &inventory, "both are reloaded", reload, Moves::Not, no);
    let changed = pair::inventory(stage, "client_timeout = \"2h\"");
    let change = |_: &str| drop(stage.up(&changed).expect(0).says("Verified: No changes."));
    under_load(stage, &changed, "HAProxy's configuration changes", change, Moves::Not, no);
    // The next one takes it before this one gives it up.
    let changed = pair::inventory(stage, "client_timeout = \"2h\"\nrouter_id = 77");
    let change = |_: &str| drop(stage.up(&changed).expect(0).says("Verified: No changes."));
    under_load(stage, &changed, "the router's number changes", change, Moves::Away, no);
    split(stage, &changed);
    nowhere(stage, &changed);
    nginx(stage);
}

/// What keepalived sends does not arrive: both have the address.
fn split(stage: &Stage, inventory: &Inventory) {
    let lab = &stage.lab;
    let drop_vrrp = "nft add table inet fence && nft 'add chain inet fence in { type filter hook input priority 0; }' && \
                     nft add rule inet fence in meta l4proto 112 drop";
    // On both: one that hears of a higher priority gives the address up.
    BALANCERS.iter().for_each(|host| drop(lab.stdout_of(host, drop_vrrp)));
    until("both have the address", READY, || (holders(stage).len() == 2).then_some(()));
    stage.rabbitup(inventory).args(["status"]).run().expect(1).says("held by lb1, lb2 AT ONCE");
    stage.rabbitup(inventory).args(["doctor"]).run().expect(1).says("address-split").says("IP protocol 112");
    BALANCERS.iter().for_each(|host| drop(lab.stdout_of(host, "nft delete table inet fence")));
    let holder = only_holder(stage);
    wait_until_whole(stage, inventory, holder);
}

fn nowhere(stage: &Stage, inventory: &Inventory) {
    for host in BALANCERS {
        stage.lab.stdout_of(host, "systemctl stop keepalived");
    }
    assert_eq!(holders(stage), Vec::<&str>::new());
    stage.rabbitup(inventory).args(["status"]).run().expect(1).says("held by NO load balancer");
    stage
        .rabbitup(inventory)
        .args(["doctor"])
        .run()
        .expect(1)
        .says("keepalived-down")
        .says("address-nowhere");
    stage.up(inventory).expect(0).says("start keepalived");
    let holder = only_holder(stage);
    wait_until_whole(stage, inventory, holder);
}

/// Another software in front, one host after the other.
fn nginx(stage: &Stage) {
    let lab = &stage.lab;
    let mut nginx = inventory(stage, "software = \"nginx\"");
    nginx.balancer.retain(|line| !line.starts_with("stats"));
    stage.up(&nginx).expect(0);
    stage.assert_nothing_to_do(&nginx);
    let on = |command: &'static str| move |host: &str| drop(lab.stdout_of(host, command));
    under_load(
        stage,
        &nginx,
        "nginx is stopped",
        on("systemctl stop nginx"),
        Moves::Away,
        on("systemctl start nginx"),
    );
    let heal = |host: &str| {
        until("the host that is cut off gives the address up", READY, || {
            (!holders(stage).contains(&host)).then_some(())
        });
        lab.heal(host);
    };
    under_load(stage, &nginx, "the holder with nginx is cut off", |host| lab.cut(host), Moves::Away, heal);
    let haproxy = inventory(stage, "");
    let change = |_: &str| drop(stage.up(&haproxy).expect(0));
    let holder = only_holder(stage);
    wait_until_whole(stage, &nginx, holder);
    // The software is replaced on one host after the other.
    let traffic = Traffic::start(&lab.address(SHARED), (ADMIN, ADMIN_PASSWORD), "replaced", "quorum");
    traffic.wait_for(100);
    traffic.measure_from_now();
    change(holder);
    traffic.wait_for(100);
    let tally = traffic.stop();
    say(&format!("{:8} HAProxy replaces nginx: {tally}", lab.suite().name()));
    tally.assert_none_lost();
    // The address is given up where the inventory has none any more.
    let mut alone = haproxy.clone();
    alone.balancer.retain(|line| !line.starts_with("vip"));
    stage.up(&alone).expect(0).says("stop keepalived");
    assert_eq!(holders(stage), Vec::<&str>::new());
    stage.assert_nothing_to_do(&alone);
}
