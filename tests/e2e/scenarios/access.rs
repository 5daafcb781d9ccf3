//! Hosts that are entered in different ways, by other names, with RAM nodes.

use crate::hosts;
use crate::inventory::Inventory;
use crate::lab::{Host, Login, SUDO_PASSWORD, Suite};
use crate::stage::{BROKERS, Stage};

/// Sudo with a password, root by key, doas: one cluster. On Debian 12 with long names, and then with a RAM node.
pub fn ways_in(stage: &Stage) {
    let lab = &stage.lab;
    let long = lab.suite() == Suite::Bookworm;
    stage.fresh_hosts(&[
        Host::new("node1", 11).login(Login::Password),
        Host::new("node2", 12).login(Login::Root),
        Host::new("node3", 13).login(Login::Doas),
    ]);
    let mut inventory = Inventory::whole();
    inventory.hosts.truncate(3);
    inventory.plugins.clear();
    if long {
        inventory.names = "long";
        for host in &mut inventory.hosts {
            host.name.push_str(".example.test");
        }
    }
    let files = hosts::all_files(lab, &BROKERS);
    let name = inventory.hosts[0].name.clone();
    stage.up(&inventory).expect(1).says(&name).says("sudo wants a password").says("--ask-become-pass");
    let with = |password: &str| {
        stage.rabbitup(&inventory).env("RABBITUP_BECOME_PASSWORD", password).args(["up", "--yes"]).run()
    };
    let wrong = with("not-the-password").expect(1).says(&name).says("Nothing was changed.");
    assert!(!format!("{wrong}").contains("not-the-password"), "{wrong}");
    hosts::assert_untouched(lab, &BROKERS, &files);
    let run = with(SUDO_PASSWORD).expect(0).says("Verified: No changes.");
    assert!(!format!("{run}").contains(SUDO_PASSWORD), "{run}");

    hosts::assert_cookie(lab, &BROKERS);
    hosts::assert_tidy(lab, &BROKERS);
    let mut nodes: Vec<String> = inventory.hosts.iter().map(|host| format!("rabbit@{}", host.name)).collect();
    nodes.sort();
    let status = |host: &str| {
        let flag = if long { "-l" } else { "" };
        let text =
            lab.stdout_of(host, &format!("timeout 60 rabbitmqctl {flag} -q cluster_status --formatter json"));
        serde_json::from_str::<serde_json::Value>(&text).expect("cluster_status prints JSON")
    };
    for host in BROKERS {
        assert_eq!(hosts::nodes(&status(host), "running_nodes"), nodes, "the running nodes that {host} sees");
    }
    assert_eq!(lab.stdout_of("node1", "hostname"), name);
    ram_nodes(stage, &inventory, &status);
}

/// node3 becomes a RAM node; the last disc node does not.
fn ram_nodes(stage: &Stage, inventory: &Inventory, status: &dyn Fn(&str) -> serde_json::Value) {
    let names: Vec<&str> = inventory.hosts.iter().map(|host| host.name.as_str()).collect();
    let run = |inventory: &Inventory| {
        stage.rabbitup(inventory).env("RABBITUP_BECOME_PASSWORD", SUDO_PASSWORD).args(["up", "--yes"]).run()
    };
    let ram = inventory.clone().host_with(names[2], r#"node_type = "ram""#);
    run(&ram).expect(0).says("a ram node");
    let third = format!("rabbit@{}", names[2]);
    assert_eq!(hosts::nodes(&status("node1"), "ram_nodes"), [third], "RAM nodes");
    run(&ram).expect(0).says("No changes.");
    if stage.lab.suite() == Suite::Trixie {
        return;
    }
    // Somebody makes the seed node one too, which leaves node2 as the last that writes to its disk.
    stage.lab.stdout_of(
        "node1",
        "for words in stop_app 'change_cluster_node_type ram' start_app; do \
         timeout 60 rabbitmqctl -l -q $words >/dev/null || exit 1; done",
    );
    let both = ram.host_with(names[1], r#"node_type = "ram""#);
    run(&both)
        .expect(1)
        .says("is the last disc node and cannot become a RAM node")
        .says("Nothing was changed.");
}
