//! Different logins and privileges, the narrowest possible rules, long names, RAM
//! nodes.

use crate::hosts;
use crate::inventory::Inventory;
use crate::lab::{Host, Lab, Login, SUDO_PASSWORD};
use crate::release::{Family, Store, Suite};
use crate::stage::{BROKERS, Stage};

/// Settings of sudo on hardened hosts, each of which would interfere or log secrets.
const HARDENED: &str = "Defaults requiretty, use_pty, log_input, log_output\n";

/// Sudo with a password, root by key, doas: one cluster. Sudo and doas allow exactly what docs/privileges.md says
/// and no more. On Debian 12 with long names, and then with a RAM node.
pub fn ways_in(stage: &Stage) {
    let lab = &stage.lab;
    let long = lab.suite() == Suite::Bookworm;
    stage.fresh_hosts(&[
        Host::new("node1", 11).login(Login::Password),
        Host::new("node2", 12).login(Login::Root),
        Host::new("node3", 13).login(third_way(lab)),
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
    let rule = |elevator| {
        stage.rabbitup(&inventory).args(["privileges", elevator, "ops", "--nopasswd"]).run().expect(0).out
    };
    let sudoers = rule("sudoers");
    if third_way(lab) == Login::Doas {
        write_rule(lab, "node3", "/etc/doas.conf", &rule("doas"));
    }
    let name = inventory.hosts[0].name.clone();
    rule_of_something_else(stage, &inventory);
    write_rule(
        lab,
        "node1",
        "/etc/sudoers.d/ops",
        &(HARDENED.to_owned() + &sudoers.replace("NOPASSWD: ", "")),
    );
    let files = hosts::all_files(lab, &BROKERS);
    stage.up(&inventory).expect(1).says(&name).says("sudo asks for a password").says("--ask-become-pass");
    let with = |password: &str| {
        stage.rabbitup(&inventory).env("RABBITUP_BECOME_PASSWORD", password).args(["up", "--yes"]).run()
    };
    let wrong = with("not-the-password")
        .expect(1)
        .says(&name)
        .says("sudo refused the password")
        .says("Nothing was changed.");
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
    write_rule(lab, "node1", "/etc/sudoers.d/ops", &(HARDENED.to_owned() + &sudoers));
    narrow_rules(stage, &inventory);
    write_rule(lab, "node1", "/etc/sudoers.d/ops", &sudoers);
    nothing_else_is_allowed(lab);
    ram_nodes(stage, &inventory, &status);
}

/// EL has no doas in its own repositories.
fn third_way(lab: &Lab) -> Login {
    match lab.suite().family() {
        Family::Apt => Login::Doas,
        Family::Dnf => Login::Ops,
    }
}

fn write_rule(lab: &Lab, host: &str, file: &str, text: &str) {
    lab.stdout_of(host, &format!("cat >{file} <<'RULE'\n{text}RULE\n"));
    if file.contains("sudoers") {
        lab.stdout_of(host, "visudo -c -q");
    }
}

/// The rule of another program, or of another version: the report says so, and how to get the right one.
fn rule_of_something_else(stage: &Stage, inventory: &Inventory) {
    let other = "ops ALL = (root) NOPASSWD: /usr/bin/apt-get update\n";
    // On EL the group wheel may do everything; a session keeps the groups that it began with.
    stage.lab.stdout_of("node1", "! id -nG ops | grep -qw wheel || gpasswd -d ops wheel >/dev/null");
    stage.home.borrow_mut().forget_connections();
    write_rule(&stage.lab, "node1", "/etc/sudoers.d/ops", other);
    stage
        .plan(inventory)
        .expect(1)
        .says("sudo does not allow this user the command that rabbitup needs")
        .says("(root) NOPASSWD: /usr/bin/apt-get update")
        .says("rabbitup privileges sudoers");
}

/// A login whose rule is the one of docs/privileges.md, without a password, can be used for everything that
/// rabbitup does, even if sudo's other settings would interfere.
fn narrow_rules(stage: &Stage, inventory: &Inventory) {
    let lab = &stage.lab;
    lab.stdout_of("node1", "sed -i '/# BEGIN rabbitup/,/# END rabbitup/d' /etc/hosts");
    stage
        .up(inventory)
        .expect(0)
        .says("write the cluster's host names to /etc/hosts")
        .says("Verified: No changes.");
    stage.rabbitup(inventory).args(["status"]).run().expect(0).says("3 of 3 nodes run");
    // The cookie came over standard input, which this host would have logged.
    assert_eq!(lab.stdout_of("node1", "ls /var/log/sudo-io 2>/dev/null || :"), "", "sudo's log of inputs");
}

fn nothing_else_is_allowed(lab: &Lab) {
    let as_ops = |host, command: &str| lab.run_on(host, &format!("runuser -u ops -- {command}"));
    let listed = as_ops("node1", "sudo -n -l");
    assert!(String::from_utf8_lossy(&listed.stdout).contains("rabbitup-eval"), "{listed:?}");
    let mut forbidden =
        vec![("node1", "sudo -n id"), ("node1", "sudo -n /bin/sh"), ("node1", "sudo -n /bin/sh -c id")];
    if third_way(lab) == Login::Doas {
        forbidden.extend([("node3", "doas -n id"), ("node3", "doas -n /bin/sh -c id")]);
    }
    for (host, command) in forbidden {
        let refused = as_ops(host, command);
        assert!(!refused.status.success() && refused.stdout.is_empty(), "{command}: {refused:?}");
    }
}

/// node3 becomes a RAM node; the last disc node does not.
fn ram_nodes(stage: &Stage, inventory: &Inventory, status: &dyn Fn(&str) -> serde_json::Value) {
    let names: Vec<&str> = inventory.hosts.iter().map(|host| host.name.as_str()).collect();
    let run = |inventory: &Inventory| {
        stage.rabbitup(inventory).env("RABBITUP_BECOME_PASSWORD", SUDO_PASSWORD).args(["up", "--yes"]).run()
    };
    let ram = inventory.clone().host_with(names[2], r#"node_type = "ram""#);
    if stage.lab.suite().store() == Store::Khepri {
        run(&ram).expect(0).says("has disc nodes only").says("No changes.");
        return;
    }
    run(&ram).expect(0).says("a ram node");
    let third = format!("rabbit@{}", names[2]);
    assert_eq!(hosts::nodes(&status("node1"), "ram_nodes"), [third], "RAM nodes");
    run(&ram).expect(0).says("No changes.");
    if stage.lab.suite().store() != Store::Mnesia {
        return;
    }
    // The seed node is made one too, which leaves node2 as the last disc node.
    let flag = if inventory.names == "long" { "-l" } else { "" };
    stage.lab.stdout_of(
        "node1",
        &format!(
            "for words in stop_app 'change_cluster_node_type ram' start_app; do \
         timeout 60 rabbitmqctl {flag} -q -n rabbit@{} $words >/dev/null || exit 1; done",
            names[0]
        ),
    );
    let both = ram.host_with(names[1], r#"node_type = "ram""#);
    run(&both)
        .expect(1)
        .says("is the last disc node and cannot become a RAM node")
        .says("Nothing was changed.");
}
