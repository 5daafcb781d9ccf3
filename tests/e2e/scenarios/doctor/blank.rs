//! New hosts.

use crate::hosts::{self, on_all};
use crate::inventory::Inventory;
use crate::stage::{ALL, BROKERS, Stage};

/// Everything is missing, and doctor refers to the bring-up.
pub fn blank_hosts(stage: &Stage) {
    let lab = &stage.lab;
    let names = on_all(&BROKERS, |host| lab.stdout_of(host, &format!("hostname; hostname {host}")));
    let files = hosts::all_files(lab, &ALL);
    let run = stage.rabbitup(&Inventory::whole()).args(["doctor", "--json"]).run().expect(1);
    hosts::assert_untouched(lab, &ALL, &files);
    for (host, name) in BROKERS.iter().zip(names) {
        lab.stdout_of(host, &format!("hostname {name}"));
    }
    let document = run.json();
    let finding = &document["findings"][0];
    assert_eq!(finding["cause"], "not-installed", "{run}");
    assert_eq!(finding["host"], "node1", "{run}");
    assert!(finding["remedy"].to_string().contains(" up\""), "{run}");
}
