//! Two load balancers with one address.

use std::time::Duration;

use crate::inventory::{Entry, Inventory};
use crate::lab::text;
use crate::program::until;
use crate::stage::{ALL, Stage};

pub const HOSTS: [&str; 5] = [ALL[0], ALL[1], ALL[2], ALL[3], BALANCERS[1]];
pub const BALANCERS: [&str; 2] = ["lb1", "lb2"];

/// The address's last number.
pub const SHARED: u8 = 40;

/// How long a load balancer may take until it is ready to take the address over again.
pub const READY: Duration = Duration::from_secs(40);

/// Three brokers and both load balancers, with these lines in `[load_balancer]`.
pub fn inventory(stage: &Stage, more: &str) -> Inventory {
    with_second().balanced(&format!("vip = \"{}/24\"\n{more}", stage.lab.address(SHARED)))
}

/// The same without the address.
pub fn with_second() -> Inventory {
    let mut inventory = Inventory::whole();
    let second = Entry { name: "lb2".into(), octet: 22, roles: r#""load-balancer""#, more: String::new() };
    inventory.hosts.push(second);
    inventory
}

/// The hosts that have the address, by their own words.
pub fn holders(stage: &Stage) -> Vec<&'static str> {
    holders_of(stage, &format!("{}/24", stage.lab.address(SHARED)))
}

/// The hosts that have this address in this network.
pub fn holders_of(stage: &Stage, at: &str) -> Vec<&'static str> {
    let has = |host: &&str| stage.lab.stdout_of(host, "ip -o addr show").contains(&format!(" {at} "));
    BALANCERS.into_iter().filter(has).collect()
}

/// What keepalived and the balancer's units said last on each, for a failure's message: why an address moved stands nowhere else.
pub fn logs(stage: &Stage) -> String {
    let last = "journalctl -q -o short-precise -n 30 -u keepalived -u haproxy -u nginx 2>&1";
    BALANCERS.map(|host| format!("{host}:\n{}", text(&stage.lab.run_on(host, last)))).join("\n")
}

pub fn other(host: &str) -> &'static str {
    if host == "lb1" { "lb2" } else { "lb1" }
}

#[track_caller]
pub fn only_holder(stage: &Stage) -> &'static str {
    until("one load balancer has the address", READY, || match holders(stage).as_slice() {
        [one] => Some(*one),
        _ => None,
    })
}

/// Both work, and one of them has the address: by the program's own words.
#[track_caller]
pub fn wait_until_whole(stage: &Stage, inventory: &Inventory, holder: &str) {
    let words = format!("held by {holder}; {} can take it over", other(holder));
    until(&format!("status says: {words}"), READY, || {
        let run = stage.rabbitup(inventory).args(["status"]).run();
        run.out.contains(&words).then_some(())
    });
}
