//! Settings of hosts that outrank the inventory: data on another disk, and files that RabbitMQ reads in the place of rabbitup's.

use crate::hosts::{self, on_all};
use crate::inventory::Inventory;
use crate::stage::{ALL, BROKERS, Stage};

const ENV: &str = "/etc/rabbitmq/rabbitmq-env.conf";

/// On fresh hosts, before anything is installed: the old configuration file stays from an earlier package. The printed command leads
/// on.
pub fn old_configuration(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    let text = "[{rabbit,[{vm_memory_high_watermark,0.3},{default_pass,<<\"planted-in-terms\">>}]}].";
    lab.stdout_of(
        "node2",
        &format!("mkdir -p /etc/rabbitmq; printf '%s\\n' '{text}' >/etc/rabbitmq/rabbitmq.config"),
    );
    let files = hosts::all_files(lab, &ALL);
    let refused = stage.plan(&inventory).expect(1);
    let refused = refused.says("rabbitmq.config (the old format) is there, and RabbitMQ reads it instead of");
    let refused = refused.says("rabbit.vm_memory_high_watermark").does_not_say("planted-in-terms");
    refused.says("mv /etc/rabbitmq/rabbitmq.config /etc/rabbitmq/rabbitmq.config.old");
    hosts::assert_untouched(lab, &ALL, &files);
    lab.stdout_of("node2", "mv /etc/rabbitmq/rabbitmq.config /etc/rabbitmq/rabbitmq.config.old");
    stage.plan(&inventory).expect(2).says("write /etc/rabbitmq/rabbitmq.conf");
    lab.stdout_of("node2", "rm -r /etc/rabbitmq");
}

/// The data of all brokers moves to another directory, as the documentation has it; everything works there: a stopped cluster starts, a
/// stopped member is no wiped one, a removal keeps the data beside it, and the host comes back blank.
pub fn on_another_disk(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    // Ra of 3.10 remembers the absolute path of each replica, so one of an earlier scenario would not find its data after the move.
    lab.stdout_of(
        "node1",
        "for queue in $(timeout 60 rabbitmqctl -q list_queues --silent name); do timeout 60 rabbitmqctl -q delete_queue $queue || exit; done",
    );
    lab.stdout_of("node1", "timeout 60 rabbitmqctl -q add_vhost on-another-disk");
    for host in ["node3", "node2", "node1"] {
        lab.stdout_of(host, "timeout 100 systemctl stop rabbitmq-server");
    }
    on_all(&BROKERS, |host| {
        let by = match host {
            // The unit's own environment has the same effect.
            "node2" => "install -d /etc/systemd/system/rabbitmq-server.service.d; printf '[Service]\\nEnvironment=RABBITMQ_MNESIA_BASE=/srv/rabbit\\n' \
                 >/etc/systemd/system/rabbitmq-server.service.d/data.conf; systemctl daemon-reload"
                .to_owned(),
            _ => format!("echo MNESIA_BASE=/srv/rabbit >>{ENV}"),
        };
        lab.stdout_of(
            host,
            &format!("install -d -o rabbitmq -g rabbitmq /srv/rabbit; mv /var/lib/rabbitmq/mnesia/* /srv/rabbit/; {by}"),
        )
    });
    let starts: Vec<String> = BROKERS.iter().map(|host| format!("{host} start rabbit@{host}")).collect();
    assert_eq!(stage.planned(&inventory), starts, "the data is found");
    stage.up(&inventory).expect(0);
    stage.assert_nothing_to_do(&inventory);
    let vhosts = lab.stdout_of("node2", "timeout 60 rabbitmqctl -q list_vhosts --silent");
    assert!(vhosts.contains("on-another-disk"), "{vhosts}");

    lab.stdout_of("node2", "timeout 100 systemctl stop rabbitmq-server");
    stage.plan(&inventory).expect(2).says("start rabbit@node2").says("because it does not run");
    let recovered = stage.playbook(&inventory, &["recover-node", "node=node2"]).expect(0);
    recovered.says("start rabbit@node2").does_not_say("forget");

    let removed = stage.playbook(&inventory, &["remove-node", "node=node3"]).expect(0);
    removed.says("move its data to /srv/rabbit/rabbitup-kept");
    let kept = lab.stdout_of("node3", "ls -d /srv/rabbit/rabbitup-kept/*/rabbit@node3; ls /srv/rabbit");
    assert!(kept.starts_with("/srv/rabbit/rabbitup-kept/"), "{kept}");
    assert!(!kept.lines().any(|line| line == "rabbit@node3"), "{kept}");
    stage
        .rabbitup(&inventory)
        .args(["status"])
        .run()
        .says("is kept in /srv/rabbit/rabbitup-kept/rabbit@node3");
    stage.up(&inventory).expect(0);
    hosts::assert_cluster(lab, &BROKERS);
    stage.assert_nothing_to_do(&inventory);

    // A setting that goes while the node runs: its next start would be empty.
    lab.stdout_of("node3", &format!("sed -i /^MNESIA_BASE/d {ENV}"));
    for words in [&["plan"][..], &["run", "rolling-restart", "--yes"]] {
        let refused = stage.rabbitup(&inventory).args(words.iter().copied()).run().expect(1);
        refused.says("and would start empty in /var/lib/rabbitmq/mnesia/rabbit@node3");
    }
    let doctor = stage.rabbitup(&inventory).args(["doctor"]).run().expect(1);
    let doctor = doctor.says("cause: data-elsewhere").says("runs with its data in /srv/rabbit/rabbit@node3");
    // Replicas of quorum queues may remember their path: the advice brings the setting back, and moves nothing.
    doctor.says("echo MNESIA_BASE=/srv/rabbit >>").does_not_say("move its data");
    lab.stdout_of("node3", &format!("echo MNESIA_BASE=/srv/rabbit >>{ENV}"));
    // The file is newer than the node's start, which `up` ends with a restart in the same place.
    stage.up(&inventory).expect(0);
    stage.assert_nothing_to_do(&inventory);
    stage.assert_serves();
}

/// Values that `rabbitmqctl set_…` changed in a running node, which its files do not show: plan, status and doctor name them, and what they
/// advise leads on.
pub fn changed_at_run_time(stage: &Stage) {
    let lab = &stage.lab;
    let mut inventory = Inventory::whole();
    for line in [
        "vm_memory_high_watermark.relative = 0.5",
        "disk_free_limit.absolute = \"60MB\"",
        "log.file.level = \"warning\"",
    ] {
        inventory.config.push(line.to_owned());
    }
    stage.up(&inventory).expect(0);
    stage.assert_nothing_to_do(&inventory);
    let set = |command: &str| lab.stdout_of("node2", &format!("timeout 60 rabbitmqctl -q {command}"));

    // What the inventory already says changes nothing.
    set("set_vm_memory_high_watermark 0.5");
    set("set_disk_free_limit 60000kB");
    stage.assert_nothing_to_do(&inventory);
    for (change, name, now, back) in [
        (
            "set_vm_memory_high_watermark 0.2",
            "vm_memory_high_watermark.relative",
            "0.2",
            "set_vm_memory_high_watermark 0.5",
        ),
        (
            "set_vm_memory_high_watermark absolute 700MB",
            "vm_memory_high_watermark.relative",
            "700000000 bytes",
            "set_vm_memory_high_watermark 0.5",
        ),
        (
            "set_disk_free_limit mem_relative 0.1",
            "disk_free_limit.absolute",
            " bytes",
            "set_disk_free_limit 60MB",
        ),
    ] {
        set(change);
        let command = change.split(' ').next().unwrap_or_default();
        let what = format!("rabbitmqctl {command} changed `{name}` since the node started");
        let plan = stage.plan(&inventory).expect(1).says(&what).says(&format!("{now} in the node"));
        plan.says(&format!("sudo rabbitmqctl {back}"));
        stage.rabbitup(&inventory).args(["status"]).run().expect(1).says(&what);
        let doctor = stage.rabbitup(&inventory).args(["doctor"]).run().expect(1);
        doctor.says("cause: setting-outranked").says(&what);
        set(back);
        stage.assert_nothing_to_do(&inventory);
    }
    set("set_log_level debug");
    let what = "rabbitmqctl set_log_level changed `log.file.level` since the node started";
    let plan = stage
        .plan(&inventory)
        .expect(1)
        .says(what)
        .says("warning in /etc/rabbitmq/rabbitmq.conf, debug in the node");
    plan.says("run rolling-restart older-than=0s");
    stage.rabbitup(&inventory).args(["status"]).run().expect(1).says(what);
    stage.playbook(&inventory, &["rolling-restart", "older-than=0s"]).expect(0);
    stage.assert_nothing_to_do(&inventory);
    stage.assert_serves();
}

/// Quorum queues outside the data directory: a node is never started without them, and they are not left behind where data goes.
pub fn quorum_queues_elsewhere(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    lab.stdout_of(
        "node1",
        "for queue in $(timeout 60 rabbitmqctl -q list_queues --silent name); do timeout 60 rabbitmqctl -q delete_queue $queue || exit; done",
    );
    let set = format!("echo QUORUM_DIR=/srv/quorum >>{ENV}");
    let take_out = format!("sed -i -E '/^QUORUM_DIR=/d' {ENV}");
    lab.stdout_of("node3", &format!("install -d -o rabbitmq -g rabbitmq /srv/quorum && {set}"));
    // While the node runs.
    let inside = "/var/lib/rabbitmq/mnesia/rabbit@node3/quorum";
    let what = format!("rabbit@node3 runs with its quorum queues in {inside}, and would start without them");
    for words in [&["plan"][..], &["run", "rolling-restart", "--yes"]] {
        stage
            .rabbitup(&inventory)
            .args(words.iter().copied())
            .run()
            .expect(1)
            .says(&what)
            .says("QUORUM_DIR=/srv/quorum");
    }
    stage.rabbitup(&inventory).args(["status"]).run().expect(1).says(&what);
    stage.rabbitup(&inventory).args(["doctor"]).run().expect(1).says("cause: data-elsewhere").says(&what);
    // Stopped: the place is empty.
    lab.stdout_of("node3", "timeout 100 systemctl stop rabbitmq-server");
    let refused = stage.plan(&inventory).expect(1);
    refused.says("rabbit@node3 would start without its quorum queues: nothing is in /srv/quorum");
    lab.stdout_of("node3", &take_out);
    stage.plan(&inventory).expect(2).says("start rabbit@node3");
    // Moved as the documentation has it, where no queue has a replica.
    lab.stdout_of("node3", &format!("mv {inside}/* /srv/quorum/ && {set}"));
    stage.up(&inventory).expect(0);
    stage.assert_nothing_to_do(&inventory);
    // Data that is moved aside would leave them behind.
    let refused = stage.playbook(&inventory, &["remove-node", "node=node3"]).expect(1);
    let refused = refused.says("queues of rabbit@node3 are outside its data directory");
    refused.says("QUORUM_DIR=/srv/quorum").says("Nothing was changed.");
    // A disk that went, and its node's queues on another: it does not start blank beside them.
    lab.stdout_of(
        "node3",
        "timeout 100 systemctl stop rabbitmq-server && mv /var/lib/rabbitmq/mnesia /root/",
    );
    for words in [&["plan"][..], &["run", "recover-node", "node=node3", "--yes"]] {
        let refused = stage.rabbitup(&inventory).args(words.iter().copied()).run().expect(1);
        refused.says("rabbit@node3 has no data, and /srv/quorum has quorum queues of a node that had");
    }
    lab.stdout_of("node3", "mv /root/mnesia /var/lib/rabbitmq/");
    stage.up(&inventory).expect(0);
    stage.assert_nothing_to_do(&inventory);
    stage.assert_serves();
}
