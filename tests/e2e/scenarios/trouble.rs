//! Problems that must be refused with a clear message, without any change.

use crate::hosts;
use crate::inventory::Inventory;
use crate::stage::{ALL, Stage};

/// A host that is powered off, and one whose packets are lost.
pub fn unreachable_host(stage: &Stage) {
    let inventory = Inventory::whole();
    let others = ["node1", "node2", "lb1"];
    let before = hosts::all_files(&stage.lab, &others);
    stage.lab.cut("node3");
    // Open connections would hide the broken network from the plan until they time out.
    stage.home.borrow_mut().forget_connections();
    let run = stage.up(&inventory);
    stage.lab.heal("node3");
    run.expect(1).says("node3").says("1 of 4 hosts could not be inspected. Nothing was changed.");
    stage.home.borrow_mut().forget_connections();
    stage.lab.kill("node3");
    let run = stage.up(&inventory);
    stage.lab.boot("node3");
    run.expect(1).says("node3: no connection").says("Nothing was changed.");
    hosts::assert_untouched(&stage.lab, &others, &before);
}

/// A man in the middle with another host key.
pub fn wrong_host_key(stage: &Stage) {
    let home = stage.home.borrow().path("ssh");
    let known = std::fs::read_to_string(stage.lab.dir().join("known_hosts")).expect("the lab has one");
    let key_of = |host: &str| {
        let line =
            known.lines().find(|line| line.starts_with(&format!("{host},"))).expect("its key is known");
        line.split_once(' ').expect("names, then the key").1.to_owned()
    };
    let (right, wrong) = (key_of("node2"), key_of("node1"));
    let forged: String = known
        .lines()
        .map(|line| if line.starts_with("node2,") { line.replace(&right, &wrong) } else { line.to_owned() } + "\n")
        .collect();
    std::fs::create_dir_all(&home).expect("the home is writable");
    let known_hosts = home.join("known_hosts");
    std::fs::write(&known_hosts, forged).expect("the home is writable");
    let config = std::fs::read_to_string(stage.lab.ssh_config()).expect("the lab has one");
    let own = stage.lab.dir().join("known_hosts").display().to_string();
    let config = config.replace(&own, &known_hosts.display().to_string());
    std::fs::write(home.join("config"), config).expect("the home is writable");

    let before = hosts::all_files(&stage.lab, &ALL);
    stage.home.borrow_mut().forget_connections();
    for policy in ["strict", "accept-new"] {
        let mut inventory = Inventory::whole();
        inventory.ssh.push(format!("host_keys = \"{policy}\""));
        let config = home.join("config").display().to_string();
        let run = stage.rabbitup_on(&inventory.text(&stage.lab, Some(&config))).args(["up", "--yes"]).run();
        run.expect(1).says("node2: the host key has CHANGED").says("Nothing was changed.");
    }
    stage.home.borrow_mut().forget_connections();
    hosts::assert_untouched(&stage.lab, &ALL, &before);
}

/// The connections that brokers need are tested before anything is changed.
pub fn firewall(stage: &Stage) {
    let before = hosts::all_files(&stage.lab, &ALL);
    let rule = format!(
        "nft 'add table inet e2e; add chain inet e2e input {{ type filter hook input priority 0; }}; \
         add rule inet e2e input ip saddr {} tcp dport 25672 drop'",
        stage.lab.address(11)
    );
    stage.lab.stdout_of("node2", &rule);
    let run = stage.up(&Inventory::whole());
    stage.lab.stdout_of("node2", "nft delete table inet e2e");
    run.expect(1).says("node1: node2 cannot be reached on port 25672").says("Nothing was changed.");
    hosts::assert_untouched(&stage.lab, &ALL, &before);
}

/// A wrong clock without a time service is only a note: the plan fixes it.
pub fn clock_of_nobody(stage: &Stage) {
    stage.lab.stdout_of("node2", SHIFT_CLOCK);
    let plan = stage.plan(&Inventory::whole());
    stage.lab.stdout_of("node2", "rm /usr/sbin/date");
    plan.expect(2)
        .says("node2: the clock is 1 min 30 s")
        .says("no time service runs yet, chrony will correct it");
}

/// The probe runs `date`, so another `date` acts as a wrong clock; the lab's hosts share this machine's. From Debian 14 on sudo looks
/// for no programs in /usr/local.
pub(super) const SHIFT_CLOCK: &str = "printf '#!/bin/sh\\nexec /bin/date -d \"90 seconds\" \"$@\"\\n' >/usr/sbin/date && \
     chmod 755 /usr/sbin/date";

/// A wrong clock despite a running time service.
pub fn clock(stage: &Stage) {
    let inventory = Inventory::whole();
    stage.lab.stdout_of("node2", SHIFT_CLOCK);
    let services = hosts::all_services(&stage.lab, &ALL);
    let plan = stage.plan(&inventory);
    let status = stage.rabbitup(&inventory).args(["status"]).run();
    stage.lab.stdout_of("node2", "rm /usr/sbin/date");
    let time = stage.lab.suite().family().time_unit();
    plan.expect(1)
        .says("node2: the clock is 1 min 30 s")
        .says(&format!("{time} runs on the host and has not corrected it"));
    status.expect(1).says("node2");
    assert_eq!(hosts::all_services(&stage.lab, &ALL), services, "services");
    stage.assert_nothing_to_do(&inventory);
}

/// What keeps node3 from starting, what the step's failure says of it, and what takes it away again.
struct Obstacle {
    set_up: &'static str,
    why: &'static str,
    take_away: &'static str,
}

const OBSTACLES: [Obstacle; 3] = [
    Obstacle {
        set_up: "systemd-run -q --unit=e2e-port --setenv=HOME=/root erl -noshell -eval \
                 '{ok, _} = gen_tcp:listen(5672, [{reuseaddr, true}]), timer:sleep(600000).' && \
                 timeout 30 sh -c 'until ss -lnt | grep -q :5672; do sleep 0.2; done'",
        why: "eaddrinuse",
        take_away: "systemctl stop e2e-port",
    },
    Obstacle {
        set_up: "mkdir -p /etc/rabbitmq/conf.d && echo no.such.key = 1 >/etc/rabbitmq/conf.d/91-bad.conf",
        why: "no.such.key",
        take_away: "rm /etc/rabbitmq/conf.d/91-bad.conf",
    },
    Obstacle {
        set_up: "chown root: /var/lib/rabbitmq/mnesia && chmod 755 /var/lib/rabbitmq/mnesia && chown -R root: /var/lib/rabbitmq/mnesia/rabbit@node3 && \
                 chmod -R go-w /var/lib/rabbitmq/mnesia/rabbit@node3",
        why: "eacces",
        take_away: "chown -R rabbitmq: /var/lib/rabbitmq/mnesia",
    },
];

/// The cause of a start that failed has the first line of this start's log that says why, not one of the start before.
pub fn first_reason(stage: &Stage) {
    let lab = &stage.lab;
    let inventory = Inventory::whole();
    lab.stdout_of("node3", "timeout 100 systemctl stop rabbitmq-server");
    for obstacle in &OBSTACLES {
        lab.stdout_of("node3", obstacle.set_up);
        let failed = stage.rabbitup(&inventory).args(["run", "start", "--yes", "--json"]).run().expect(1);
        lab.stdout_of("node3", obstacle.take_away);
        let causes: Vec<&str> = failed.out.lines().filter(|line| line.contains("\"step_failed\"")).collect();
        assert_eq!(causes.len(), 1, "{failed}");
        let event: serde_json::Value = serde_json::from_str(causes[0]).expect("an event");
        let cause = event["failure"]["cause"].as_str().unwrap_or_default();
        assert!(cause.contains("rabbitmq-server did not start on this host: "), "{cause}\n{failed}");
        assert!(cause.contains(obstacle.why), "the cause has {}: {cause}\n{failed}", obstacle.why);
        for other in OBSTACLES.iter().filter(|other| other.why != obstacle.why) {
            assert!(!cause.contains(other.why), "of an earlier start: {cause}");
        }
        // systemd tries again and again.
        lab.stdout_of(
            "node3",
            "timeout 100 systemctl stop rabbitmq-server; systemctl reset-failed rabbitmq-server || :",
        );
    }
    stage.playbook(&inventory, &["start"]).expect(0);
    stage.assert_nothing_to_do(&inventory);
    stage.assert_serves();
}
