//! The package manager as others use it: its locks, its holds, what it would remove, its clock; and what RabbitMQ has to have before it is
//! told to use it.

use std::time::{Duration, Instant};

use crate::hosts;
use crate::inventory::Inventory;
use crate::release::{Family, Suite};
use crate::stage::{ALL, Stage};

/// Locks a file as apt, dpkg and rpm do (fcntl), for so many seconds.
fn hold(file: &str, seconds: u32) -> String {
    format!(
        "systemd-run -q --collect --unit=holder-$$ perl -e 'open F, \">>\", $ARGV[0] or die; $l = pack(\"ssx4qqlx4\", 1, 0, 0, 0, 0); \
         fcntl(F, 6, $l) or die; sleep $ARGV[1]' {file} {seconds} && \
         timeout 10 sh -c 'until grep -q \":$(stat -c %i {file}) \" /proc/locks; do sleep 0.1; done'"
    )
}

/// Each host waits for its own lock, longer than apt waits by itself, and is told who holds it.
pub fn locks(stage: &Stage) {
    let lab = &stage.lab;
    let inventory = Inventory::whole();
    let family = lab.suite().family();
    let locks = family.locks();
    for ((host, lock), seconds) in ALL.iter().zip(locks).zip([40, 30, 150, 30]) {
        lab.stdout_of(host, &hold(lock.file, seconds));
    }
    let mut plan = stage.plan(&inventory).expect(2);
    for (host, lock) in ALL.iter().zip(locks) {
        plan = plan
            .says(&format!("{host}: "))
            .says(&format!("holds {}; an installation waits for it", lock.what));
    }
    let begin = Instant::now();
    let mut run = stage.rabbitup(&inventory).args(["up", "--yes", "--json"]).run().expect(0);
    assert!(begin.elapsed() > Duration::from_secs(120), "it waited longer than two minutes");
    for lock in locks {
        run = run.says(&format!("holds {}; waiting", lock.what));
    }
    stage.assert_serves();
    stage.assert_nothing_to_do(&inventory);
    hosts::assert_tidy(lab, &ALL);
}

/// Makes a package that is in nobody's way but those that the lines name.
fn fake_package(name: &str, lines: &str) -> String {
    format!(
        "mkdir -p /root/{name}/DEBIAN && printf 'Package: {name}\\nVersion: 1\\nArchitecture: all\\nMaintainer: nobody <nobody@lab.example>\\n\
         Description: fake\\n{lines}' >/root/{name}/DEBIAN/control && dpkg-deb -b /root/{name} /root/{name}.deb && dpkg -i /root/{name}.deb"
    )
}

/// What an installation removes is named, or refused; what is held stays held. On Debian: dnf removes nothing for an installation.
pub fn removals_and_holds(stage: &Stage) {
    let lab = &stage.lab;
    if lab.suite().family() != Family::Apt {
        return;
    }
    let alone = ["node1", "node2", "lb1"].into_iter().fold(Inventory::whole(), Inventory::without);
    lab.stdout_of("node2", &fake_package("ntpsec", "Provides: time-daemon\\nConflicts: time-daemon\\n"));
    stage.plan(&Inventory::whole()).expect(2).says("removes ntpsec, which chrony replaces");
    lab.stdout_of("node3", &fake_package("their-consumer", "Conflicts: rabbitmq-server\\n"));
    // Without package lists the plan cannot know; then the step refuses.
    stage.up(&alone).expect(1).says("would remove their-consumer, so nothing was");
    let status = "dpkg -l their-consumer rabbitmq-server chrony 2>/dev/null | awk '/^ii/ { print $2 }'";
    assert_eq!(lab.stdout_of("node3", status), "their-consumer");
    stage
        .up(&alone)
        .expect(1)
        .says("node3: the installation of rabbitmq-server would remove their-consumer")
        .says("Nothing was changed.");
    assert_eq!(lab.stdout_of("node3", status), "their-consumer");
    lab.stdout_of("node3", "dpkg -r their-consumer");

    // Its own package in another version, held by the operator.
    lab.stdout_of("node3", &format!("{} && systemctl stop rabbitmq-server && rm -rf /var/lib/rabbitmq/mnesia && apt-mark hold rabbitmq-server", Family::Apt.install_broker()));
    let next = lab.stdout_of("node3", Family::Apt.next_version());
    let wanted = Inventory { package: vec![format!("version = \"{next}\"")], ..alone };
    stage.up(&wanted).expect(0);
    assert_eq!(lab.stdout_of("node3", Family::Apt.installed_version()), next);
    assert_eq!(lab.stdout_of("node3", "apt-mark showhold"), "rabbitmq-server", "the operator's hold");
    hosts::assert_tidy(lab, &["node3"]);
}

/// The probe runs `date`, so another `date` acts as a wrong clock (trouble.rs); a repository from the future acts on apt.
pub fn clocks(stage: &Stage) {
    let lab = &stage.lab;
    let inventory = Inventory::whole();
    lab.stdout_of("node2", "printf '#!/bin/sh\\nexec /bin/date -d \"6 hours ago\" \"$@\"\\n' >/usr/sbin/date && chmod 755 /usr/sbin/date");
    let plan = stage.plan(&inventory);
    lab.stdout_of("node2", "rm /usr/sbin/date");
    plan.expect(1)
        .says("node2: the clock is 6 h behind this machine's")
        .says("date -s ")
        .says("21600 seconds");
    if lab.suite().family() == Family::Apt {
        lab.stdout_of(
            "node2",
            "mkdir /root/future && cp /srv/repo/Packages /srv/repo/Release /root/future && \
             sed -i \"s/^Date: .*/Date: $(date -u -R -d '6 hours')/\" /root/future/Release && \
             chmod -R a+rX /root && echo 'deb [trusted=yes] file:/root/future ./' >/etc/apt/sources.list.d/future.list",
        );
        stage
            .up(&inventory)
            .expect(1)
            .says("the package lists could not be fetched: the repository's lists are from 5h 59min")
            .says("so it is behind");
    }
}

const DEFINITIONS: &str = r#"{
    "vhosts": [{"name": "shop"}],
    "users": [{"name": "till", "password_hash": "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4", "tags": ""}],
    "policies": [{"vhost": "shop", "name": "groups", "pattern": "", "apply-to": "queues", "definition": {KEY}}]
}"#;

/// What this version does not know is told before anything of it is in effect.
pub fn unknown_to_the_version(stage: &Stage) {
    let lab = &stage.lab;
    let mut inventory = Inventory::whole();
    inventory.cluster.push("definitions = \"definitions.json\"".to_owned());
    let file = stage.home.borrow().path("definitions.json");
    let define = |key: &str| {
        std::fs::write(&file, DEFINITIONS.replace("{KEY}", key)).expect("the home is writable");
    };
    let (key, why) = match lab.suite() {
        Suite::Bullseye | Suite::Bookworm | Suite::El9 => {
            ("{\"target-group-size\": 5}", "RabbitMQ 3.13.0 added it")
        }
        Suite::Trixie | Suite::Forky => {
            ("{\"ha-mode\": \"all\"}", "RabbitMQ 3.13 was the last version with it")
        }
    };
    define(key);
    stage
        .up(&inventory)
        .expect(1)
        .says("does not accept all of definitions.json")
        .says("policy shop/groups: the key ")
        .says(why);
    assert!(
        !lab.stdout_of("node1", "rabbitmqctl -q list_vhosts").contains("shop"),
        "nothing of it was imported"
    );
    // What the plan takes for good, RabbitMQ takes as well.
    define("{\"max-length\": 5}");
    stage.up(&inventory).expect(0);
    lab.stdout_of(
        "node1",
        "rabbitmqctl -q delete_vhost shop && rabbitmqctl -q delete_user till && \
         rabbitmqctl -q clear_global_parameter rabbitup_definitions",
    );

    let plugin = "rabbitmq_delayed_message_exchange";
    let mut inventory = Inventory::whole();
    inventory.plugins.push(plugin);
    let before = hosts::all_services(lab, &ALL);
    stage
        .up(&inventory)
        .expect(1)
        .says("the plugin rabbitmq_delayed_message_exchange is not on this host")
        .says("into /usr/lib/rabbitmq/plugins on every broker")
        .says("Nothing was changed.");
    stage.rabbitup(&inventory).args(["doctor"]).run().expect(1).says("plugin-missing");
    assert_eq!(hosts::all_services(lab, &ALL), before, "services");
    // With its file it is planned: a directory with an application is a plugin as well.
    for host in ["node1", "node2", "node3"] {
        lab.stdout_of(host, &format!("mkdir -p /usr/lib/rabbitmq/plugins/{plugin}-1.0.0/ebin"));
    }
    stage.plan(&inventory).expect(2).says("rabbitmq_delayed_message_exchange not enabled");
    for host in ["node1", "node2", "node3"] {
        lab.stdout_of(host, "rm -r /usr/lib/rabbitmq/plugins");
    }
    stage.assert_nothing_to_do(&Inventory::whole());
}

/// What an upgrade would take away is in its plan, and following that leads on: a package that is in its way, and a plugin whose file is in
/// the directory of the old version alone.
pub fn upgrade_that_takes_away(stage: &Stage) {
    let lab = &stage.lab;
    let family = lab.suite().family();
    let inventory = Inventory::whole();
    let next = hosts::next_version(lab, "node1");
    let version = format!("version={next}");
    let words = ["plan", "upgrade", version.as_str()];
    let before = hosts::running_version(lab, "node1");
    let release = next.split(['-', '+']).next().unwrap_or_default();

    let (make, remove) = match family {
        Family::Apt => (
            fake_package("their-consumer", &format!("Conflicts: rabbitmq-server (>= {release})\\n")),
            "dpkg -r their-consumer",
        ),
        Family::Dnf => (
            "dnf -q -y --enablerepo=rabbitmq-other install their-consumer".to_owned(),
            "rpm -e their-consumer",
        ),
    };
    for host in ["node1", "node2", "node3"] {
        lab.stdout_of(host, &family.offer("next"));
    }
    lab.stdout_of("node2", &make);
    let refused = stage.rabbitup(&inventory).args(words).run().expect(1);
    refused
        .says("node2: the installation of rabbitmq-server would remove their-consumer")
        .says("No plan: 1 problem");
    // What is asked for every day stays as it was.
    stage.assert_nothing_to_do(&inventory);
    lab.stdout_of("node2", remove);
    stage.rabbitup(&inventory).args(words).run().expect(0).says("upgrade rabbit@node2");

    // Enabled on every node, and not in the inventory.
    let mut without_plugins = inventory.clone();
    without_plugins.plugins.clear();
    let old = format!("/usr/lib/rabbitmq/lib/rabbitmq_server-{before}/plugins");
    let app = "{application,their_audit,[{vsn,\"1.0.0\"},{modules,[]},{registered,[]},{applications,[kernel,stdlib,rabbit]}]}.";
    for host in ["node1", "node2", "node3"] {
        lab.stdout_of(
            host,
            &format!(
                "mkdir -p {old}/their_audit-1.0.0/ebin && printf '%s\\n' '{app}' >{old}/their_audit-1.0.0/ebin/their_audit.app && \
                 timeout 100 rabbitmq-plugins -q enable their_audit"
            ),
        );
    }
    let refused = stage.rabbitup(&without_plugins).args(words).run().expect(1);
    let refused = refused.says("rabbit@node3 would come back without the plugin their_audit");
    let new = format!("/usr/lib/rabbitmq/lib/rabbitmq_server-{release}/plugins");
    refused.says(&format!("does not read {old}/their_audit-1.0.0")).says(&new).says("No plan: 3 problems");
    assert_eq!(hosts::running_version(lab, "node1"), before, "nothing was changed");
    for host in ["node1", "node2", "node3"] {
        lab.stdout_of(host, &format!("mkdir -p {new} && cp -r {old}/their_audit-1.0.0 {new}/"));
    }
    stage.playbook(&without_plugins, &["upgrade", &version]).expect(0);
    for host in ["node1", "node2", "node3"] {
        assert_eq!(hosts::running_version(lab, host), release);
        let enabled = lab.stdout_of(host, "timeout 100 rabbitmq-plugins -q list -E -m -s");
        assert!(enabled.lines().any(|plugin| plugin == "their_audit"), "{enabled}");
    }
}
