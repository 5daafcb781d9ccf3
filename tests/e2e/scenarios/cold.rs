//! From bare hosts to a cluster.

use crate::amqp;
use crate::hosts::{self, on_all};
use crate::inventory::{ADMIN, ADMIN_PASSWORD, Inventory};
use crate::processes::ProcessWatch;
use crate::release::Suite;
use crate::stage::{ALL, BROKERS, Stage};

/// A plan is read-only, repeatable, and shows that there is something to do.
pub fn plan_touches_nothing(stage: &Stage) {
    let inventory = Inventory::whole();
    let before = hosts::all_files(&stage.lab, &ALL);
    let first = stage.plan(&inventory).expect(2).says("on 4 hosts");
    let second = stage.plan(&inventory).expect(2);
    assert_eq!(first.out, second.out, "the same plan twice");
    let plan = stage.rabbitup(&inventory).args(["plan", "--json"]).run().expect(0).json();
    assert_eq!(plan["format_version"], 1, "{plan}");
    assert!(plan["steps"].as_array().is_some_and(|steps| steps.len() > 20), "{plan}");
    stage.rabbitup(&inventory).args(["status"]).run().expect(1).says("RabbitMQ is not installed");
    hosts::assert_untouched(&stage.lab, &ALL, &before);
}

/// The main job. Everything is checked on the hosts themselves.
pub fn bring_up(stage: &Stage) {
    let watch = ProcessWatch::start();
    let run = stage.up(&Inventory::whole());
    let processes = watch.stop();
    let run = run.expect(0).says("Verified: No changes.");
    let lab = &stage.lab;
    let family = lab.suite().family();
    let time = family.time_unit();

    hosts::assert_cluster(lab, &BROKERS);
    hosts::assert_cookie(lab, &BROKERS);
    hosts::assert_tidy(lab, &ALL);
    on_all(&ALL, |host| {
        assert_eq!(lab.stdout_of(host, "hostname"), host, "the running name of {host}");
        assert_eq!(lab.stdout_of(host, "cat /etc/hostname"), host, "the persistent name of {host}");
        for peer in ALL {
            let resolved = lab.stdout_of(host, &format!("getent ahosts {peer} | head -n 1"));
            let address = lab.address(crate::stage::octet(peer));
            assert!(resolved.starts_with(&address), "{peer} resolves to `{resolved}` on {host}");
        }
        let file = lab.stdout_of(host, "cat /etc/hosts");
        assert!(
            file.contains("# BEGIN rabbitup") && file.contains(family.word_of_hosts_file()),
            "/etc/hosts of {host}:\n{file}"
        );
        let astray =
            file.lines().find(|line| line.starts_with("127.0.1.1") && line.contains(&format!(" {host}")));
        assert_eq!(astray, None, "an alias that Erlang would bind to");
        assert_eq!(
            lab.stdout_of(host, &format!("systemctl is-active {time}; systemctl is-enabled {time}")),
            "active\nenabled"
        );
    });
    on_all(&BROKERS, |host| {
        assert_eq!(hosts::broker_starts(lab, host), 1, "how often the broker of {host} was started");
        let read = lab.stdout_of(
            host,
            "grep -h 'config file(s) *: /etc/rabbitmq/rabbitmq.conf' /var/log/rabbitmq/*.log | wc -l",
        );
        assert_eq!(read, "1", "the first start of {host} reads the configuration");
        let log = lab.stdout_of(
            host,
            "grep -lis 'auth mechanism\\|invalid challenge\\|different cookie' /var/log/rabbitmq/* || :",
        );
        assert_eq!(log, "", "{host} was refused on its way into the cluster");
        assert_eq!(lab.stdout_of(host, "systemctl is-enabled rabbitmq-server"), "enabled");
        let plugins = lab.stdout_of(host, "rabbitmq-plugins -q list --enabled --minimal");
        for plugin in Inventory::whole().plugins {
            assert!(plugins.contains(plugin), "{plugin} on {host}: {plugins}");
        }
        assert_eq!(hosts::cluster_status(lab, host)["cluster_name"], "orders");
    });
    if lab.suite() == Suite::Bullseye {
        assert_entered_at_once(stage);
    }
    let version = hosts::package_version(lab, "node1");
    let known = format!("{}.", lab.suite().series());
    assert!(version.starts_with(&known), "this release has RabbitMQ {version}");

    assert_eq!(
        lab.stdout_of("lb1", "systemctl is-active haproxy; systemctl is-enabled haproxy"),
        "active\nenabled"
    );
    lab.stdout_of("lb1", "haproxy -c -q -f /etc/haproxy/haproxy.cfg");
    let balancer = lab.address(21);
    let refused =
        amqp::login(&balancer, "guest", "guest").expect_err("guest is for the broker's own host only");
    assert!(
        refused.contains("ACCESS_REFUSED") || refused.contains("ACCESS-REFUSED") || refused.contains("403"),
        "{refused}"
    );
    amqp::login(&balancer, ADMIN, ADMIN_PASSWORD).expect("the inventory's administrator");
    stage.assert_amqp("first");

    no_secret(stage, &processes);
    drop(run);
}

/// Before 3.8.18 a joiner waits for 5 to 60 random seconds, unless it is told not to.
fn assert_entered_at_once(stage: &Stage) {
    for host in ["node2", "node3"] {
        let log = stage
            .lab
            .stdout_of(host, "grep -haos 'Will wait for [0-9]* milliseconds' /var/log/rabbitmq/*.log");
        let delay: u32 =
            log.split(' ').nth(3).and_then(|word| word.parse().ok()).expect("it says how long it waits");
        assert!(delay <= 1_000, "{host}: {log}");
    }
}

/// Neither the cookie nor the password was visible to others: in process lists, in the output, in the journal.
fn no_secret(stage: &Stage, processes: &[String]) {
    let program = stage.lab.suite().family().program();
    assert!(processes.iter().any(|words| words.contains(program)), "the watch saw the hosts' processes");
    let cookie = stage.lab.stdout_of("node1", "cat /var/lib/rabbitmq/.erlang.cookie");
    let home = stage.home.borrow();
    let mut journals = String::new();
    for file in
        std::fs::read_dir(home.path("state/rabbitup/journal")).expect("a journal was written").flatten()
    {
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&file.metadata().expect("it is there").permissions());
        assert_eq!(mode & 0o777, 0o600, "the journal is its user's alone");
        journals += &std::fs::read_to_string(file.path()).expect("the journal is text");
    }
    let transcript = home.transcript();
    assert!(journals.contains("node1") && transcript.contains("node1"), "there is something to search");
    for (what, secret) in [("the cookie", cookie.as_str()), ("the password", ADMIN_PASSWORD)] {
        // This process has the password in its binary, but not in its arguments or environment.
        let seen = processes.iter().find(|words| words.contains(secret));
        assert!(seen.is_none(), "{what} was in a process list: {}", seen.map_or("", String::as_str));
        assert!(!transcript.contains(secret), "{what} was printed");
        assert!(!journals.contains(secret), "{what} is in the journal");
    }
}
