//! Who else names hosts and writes /etc/hosts: installers, cloud-init, DNS, configuration management.

use std::time::Duration;

use crate::hosts::{self, on_all};
use crate::inventory::Inventory;
use crate::lab::Lab;
use crate::program::{Run, until};
use crate::release::{Family, Store};
use crate::stage::{BROKERS, Stage};

/// An inventory that leaves /etc/hosts alone.
fn left_alone(stage: &Stage) -> String {
    Inventory::whole().text(&stage.lab, None) + "[hosts_file]\nmanage = false\n"
}

/// As Debian's installer writes it on node1, and as the kernel has it on node2.
pub fn full_names(stage: &Stage) {
    let (lab, inventory) = (&stage.lab, Inventory::whole());
    for (host, kernel) in [("node1", "node1"), ("node2", "node2.lab.example")] {
        let line = format!("127.0.1.1\\t{host}.lab.example {host}\\n");
        lab.stdout_of(
            host,
            &format!("sed -i '/^127.0.1.1/d' /etc/hosts && printf '{line}' >>/etc/hosts && hostnamectl set-hostname {kernel}"),
        );
    }
    let full = |host: &str| lab.stdout_of(host, "hostname -f");
    assert_eq!(on_all(&["node1", "node2"], full), ["node1.lab.example", "node2.lab.example"]);
    stage.up(&inventory).expect(0).says("Verified: No changes.");
    assert_eq!(on_all(&["node1", "node2"], full), ["node1.lab.example", "node2.lab.example"]);
    let names = "hostname && cat /etc/hostname";
    assert_eq!(
        lab.stdout_of("node2", names),
        "node2.lab.example\nnode2.lab.example",
        "RabbitMQ takes the first label"
    );
    let line = format!("{} node1.lab.example node1", lab.address(11));
    for host in BROKERS {
        let lines = lab.stdout_of(host, "grep -F node1 /etc/hosts");
        assert_eq!(lines, line, "the full name is on every host, and on no other line");
    }
    hosts::assert_cluster(lab, &BROKERS);
    stage.assert_nothing_to_do(&inventory);
    own_names_are_enough(stage);
}

/// The same lines without rabbitup's marks, as another tool writes them: only what they resolve to counts.
fn own_names_are_enough(stage: &Stage) {
    let lab = &stage.lab;
    let inventory = left_alone(stage);
    let plan = || stage.rabbitup_on(&inventory).args(["plan", "--detailed-exitcode"]).run();
    let hosts = ["node1", "node2", "node3", "lb1"];
    on_all(&hosts, |host| {
        lab.stdout_of(
            host,
            "sed -i -e '/^# BEGIN rabbitup/d' -e '/^# END rabbitup/d' -e '1i # Managed by Puppet' /etc/hosts",
        )
    });
    let files = hosts::all_files(lab, &hosts);
    plan().expect(0).says("No changes.");
    hosts::assert_untouched(lab, &hosts, &files);
    // Nor is there anything to write for an inventory that leaves rabbitup the file.
    stage.plan(&Inventory::whole()).expect(0).says("No changes.");

    lab.stdout_of("node3", "sed -i -e '/ node1$/d' -e 's/^.* node2$/10.9.9.9 node2/' /etc/hosts");
    let refused = plan().expect(1);
    refused
        .says("node3: names do not resolve as in the inventory: node1 and node2")
        .says("node1 does not resolve")
        .says("node2 resolves to 10.9.9.9");
    let doctor = stage.rabbitup_on(&inventory).args(["doctor"]).run().expect(1);
    doctor.says("name-unresolved").says("name-elsewhere").says("[hosts_file] has manage = false");
    stage.up(&Inventory::whole()).expect(0);
    stage.assert_nothing_to_do(&Inventory::whole());
}

/// Where cloud-init has its template for /etc/hosts.
fn template(lab: &Lab) -> &'static str {
    match lab.suite().family() {
        Family::Apt => "/etc/cloud/templates/hosts.debian.tmpl",
        Family::Dnf => "/etc/cloud/templates/hosts.redhat.tmpl",
    }
}

/// What cloud-init does at each boot with `manage_etc_hosts: true`, by a unit of its name: the lab has no cloud.
fn rendered_at_boot(lab: &Lab, host: &str) {
    let template = template(lab);
    let unit = format!(
        "[Unit]\\nDefaultDependencies=no\\nAfter=local-fs.target\\nBefore=basic.target\\n[Service]\\nType=oneshot\\n\
         ExecStart=/bin/cp {template} /etc/hosts\\n[Install]\\nWantedBy=basic.target\\n"
    );
    let text = format!(
        "# Your system has configured manage_etc_hosts\\n127.0.1.1 {host} {host}\\n127.0.0.1 localhost\\n"
    );
    lab.stdout_of(
        host,
        &format!(
            "mkdir -p /etc/cloud/templates && echo 'manage_etc_hosts: true' >/etc/cloud/cloud.cfg && printf '{text}' >{template} && \
             printf '{unit}' >/etc/systemd/system/cloud-init-hosts.service && systemctl -q enable cloud-init-hosts"
        ),
    );
}

fn reboot(stage: &Stage, hosts: &[&str]) {
    let lab = &stage.lab;
    on_all(hosts, |host| lab.kill(host));
    stage.home.borrow_mut().forget_connections();
    on_all(hosts, |host| lab.boot(host));
}

fn without_cloud(lab: &Lab, host: &str) {
    lab.stdout_of(
        host,
        "systemctl -q disable cloud-init-hosts && rm -r /etc/cloud /etc/systemd/system/cloud-init-hosts.service",
    );
}

/// On one host: seen before the reboot, and afterwards nothing is left to do.
pub fn cloud_init(stage: &Stage) {
    let (lab, inventory) = (&stage.lab, Inventory::whole());
    rendered_at_boot(lab, "node2");
    // What it would be without a plan in between.
    reboot(stage, &["node2"]);
    until("node2 waits for nobody, or for the others", Duration::from_secs(60), || {
        let state = lab.stdout_of("node2", "systemctl is-active rabbitmq-server; :");
        ["active", "activating"].contains(&state.as_str()).then_some(())
    });
    let doctor = stage.rabbitup(&inventory).args(["doctor"]).run().expect(1);
    doctor
        .says("name-unresolved")
        .says("cloud-init writes /etc/hosts at every boot: manage_etc_hosts: true in");
    let up = stage.up(&inventory).expect(0);
    up.says(&format!("write {}", template(lab))).says("cloud-init writes /etc/hosts from it at every boot");
    stage.assert_nothing_to_do(&inventory);
    reboot(stage, &["node2"]);
    is_whole_again(stage);
    stage.assert_nothing_to_do(&inventory);

    lab.stdout_of("node2", "echo 'manage_etc_hosts: localhost' >/etc/cloud/cloud.cfg");
    let up = stage.up(&inventory).expect(0);
    up.says("write /etc/cloud/cloud.cfg.d/99-rabbitup.cfg")
        .says("(manage_etc_hosts: localhost in /etc/cloud/cloud.cfg)");
    stage.assert_nothing_to_do(&inventory);
    lab.stdout_of("node2", "rm /etc/cloud/cloud.cfg.d/* && touch /etc/cloud/cloud-init.disabled");
    stage.assert_nothing_to_do(&inventory);
    without_cloud(lab, "node2");
    stage.assert_serves();
}

fn is_whole_again(stage: &Stage) {
    until("the cluster is whole again", Duration::from_secs(150), || {
        stage.rabbitup(&Inventory::whole()).args(["status"]).run().succeeded().then_some(())
    });
}

/// All brokers boot without each other's names. With Mnesia those that wait for others do so in vain: one run brings them back.
pub fn booted_without_names(stage: &Stage) {
    let (lab, inventory) = (&stage.lab, Inventory::whole());
    on_all(&BROKERS, |host| rendered_at_boot(lab, host));
    let waits = |host: &str| -> u32 {
        let log = "grep -c 'Waiting for Mnesia tables' /var/log/rabbitmq/rabbit@$(hostname -s).log; :";
        lab.stdout_of(host, log).parse().expect("a number of lines")
    };
    // Of a queue that was declared a moment ago, RabbitMQ 3.10 has not written down yet which log is its (names.dets of Ra): if all hosts
    // lose power now, each starts it from scratch, and none of them ever leads it.
    let written = "rabbitmqctl -q eval 'catch dets:sync(ra_directory_reverse).'";
    on_all(&BROKERS, |host| lab.stdout_of(host, written));
    // Earlier boots may have waited too.
    let before: Vec<u32> = on_all(&BROKERS, waits);
    reboot(stage, &BROKERS);
    let waiting = |host: &str| {
        let state = lab.stdout_of(host, "systemctl is-active rabbitmq-server; :");
        if state == "activating" { waits(host) } else { 0 }
    };
    if lab.suite().store() != Store::Khepri {
        until("two nodes wait for the others", Duration::from_secs(90), || {
            let now = on_all(&BROKERS, waiting);
            (now.iter().zip(&before).filter(|(now, before)| now > before).count() >= 2).then_some(())
        });
    }
    let run: Run = stage.up(&inventory).expect(0);
    assert!(run.took < Duration::from_secs(120), "{run}");
    if lab.suite().store() != Store::Khepri {
        run.says("whose boot waits in vain").says("Verified: No changes.");
    }
    hosts::assert_cluster(lab, &BROKERS);
    stage.assert_nothing_to_do(&inventory);
    on_all(&BROKERS, |host| without_cloud(lab, host));
    stage.assert_serves();
}

/// Two entries of the inventory that lead to one machine.
pub fn one_machine_twice(stage: &Stage) {
    let lab = &stage.lab;
    let inventory =
        Inventory::whole().host_with("node3", &format!("ssh = {{ host = \"{}\" }}", lab.address(12)));
    let files = hosts::all_files(lab, &["node2"]);
    let run = stage.up(&inventory).expect(1);
    run.says("node3 is the same machine as node2").says("Nothing was changed.");
    hosts::assert_untouched(lab, &["node2"], &files);
    stage.rabbitup(&inventory).args(["doctor"]).run().expect(1).says("same-machine");
}
