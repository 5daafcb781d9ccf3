//! Hosts of two releases, and so of RabbitMQ and Erlang/OTP.

use crate::hosts;
use crate::inventory::{Entry, Inventory};
use crate::lab::Host;
use crate::stage::{Stage, say};

/// Everything else is right between them: names, cookie, ports. It needs two new clusters, so it is
/// played on one day of three.
pub fn releases(stage: &Stage) {
    if super::third_of_today().is_some_and(|today| today != 0) {
        say("                     not today; E2E_ALL=1 plays it");
        return;
    }
    let lab = &stage.lab;
    stage.fresh_hosts(&[Host::new("node1", 11)]);
    lab.up_as(lab.suite().unlike(), &[Host::new("node2", 12)]);
    let cookie = stage.home.borrow().path("releases-cookie");
    std::fs::write(&cookie, "e2e+cookie/of+two+releases\n").expect("the home is writable");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&cookie, mode).expect("the file is ours");

    // Each is a separate cluster; both are created at the same time.
    let alone = [1, 2].map(|n| {
        let home = stage.home.borrow();
        let path = home.path(&format!("release{n}.toml"));
        std::fs::write(&path, brokers(&[n]).text(lab, None)).expect("the home is writable");
        home.rabbitup(&path).args(["up", "--yes"]).spawn()
    });
    for run in alone {
        run.wait().expect(0);
    }
    for (host, line) in [("node1", (12, "node2")), ("node2", (11, "node1"))] {
        lab.stdout_of(host, &format!("echo '{} {}' >>/etc/hosts", lab.address(line.0), line.1));
    }

    let run = stage.rabbitup(&brokers(&[1, 2])).args(["doctor", "--json"]).run().expect(1);
    let document = run.json();
    let finding = &document["findings"][0];
    assert_eq!(finding["cause"], "versions-differ", "{run}");
    let evidence = finding["evidence"].to_string();
    for host in ["node1", "node2"] {
        let version = hosts::running_version(lab, host);
        assert!(evidence.contains(&format!("{host}: RabbitMQ {version}")), "{run}");
    }
    assert_ne!(finding["remedy"].as_array().map_or(0, Vec::len), 0, "what to do\n{run}");
}

fn brokers(numbers: &[u8]) -> Inventory {
    let mut inventory = Inventory::whole();
    inventory.hosts = numbers.iter().map(|n| Entry::broker(&format!("node{n}"), 10 + n)).collect();
    inventory.cluster.push("cookie = { from = \"file\", path = \"releases-cookie\" }".to_owned());
    inventory
}
