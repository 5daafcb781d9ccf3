//! Changes of the inventory on a running cluster: only the difference is applied.

use std::os::unix::fs::PermissionsExt;

use crate::hosts::{self, on_all, unit_number};
use crate::inventory::{ADMIN_PASSWORD, Entry, Inventory};
use crate::lab::Host;
use crate::stage::{ALL, BROKERS, Stage};

/// `plan -o`, `apply`, and a plan that is out of date.
pub fn saved_plan(stage: &Stage) {
    let lab = &stage.lab;
    let changed = Inventory::whole().balanced(r#"balance = "roundrobin""#);
    let file = stage.home.borrow().path("saved.plan");
    let path = file.display().to_string();
    let save = |inventory: &Inventory| stage.rabbitup(inventory).args(["plan", "-o", &path]).run().expect(0);
    let apply = || stage.rabbitup(&changed).args(["apply", &path, "--yes"]).run();

    save(&changed);
    let mode = std::fs::metadata(&file).expect("the plan was saved").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "a saved plan is its user's alone");
    let text = std::fs::read_to_string(&file).expect("a plan is text");
    let cookie = lab.stdout_of("node1", "cat /var/lib/rabbitmq/.erlang.cookie");
    assert!(!text.contains(&cookie) && !text.contains(ADMIN_PASSWORD), "a saved plan holds a secret");
    // As left by a killed run, with a running step that ends when this test says so. ($$ is systemd's $.)
    let step = "systemd-run -q --unit=left-behind timeout 60 sh -c 'echo $$$$ >/run/rabbitup-left.work; \
                while [ ! -e /run/end-it ]; do sleep 0.1; done; rm /run/rabbitup-left.work /run/end-it'";
    lab.stdout_of(
        "node2",
        &format!("{step}; timeout 10 sh -c 'until [ -s /run/rabbitup-left.work ]; do sleep 0.1; done'"),
    );
    let mut waits = stage.rabbitup(&changed).args(["apply", &path, "--yes"]).spawn();
    waits.wait_for("Waiting: a step of an interrupted run is still running on node2");
    assert!(
        !lab.run_on("node2", "test -e /run/rabbitup.owner").status.success(),
        "it locks nothing meanwhile"
    );
    lab.stdout_of("node2", "touch /run/end-it");
    waits.wait().expect(0);
    assert!(lab.stdout_of("lb1", "cat /etc/haproxy/haproxy.cfg").contains("balance roundrobin"));
    stage.assert_nothing_to_do(&changed);

    // The same plan again: its facts are outdated.
    let files = hosts::all_files(lab, &ALL);
    let services = hosts::all_services(lab, &ALL);
    apply().expect(1).says("lb1").says("/etc/haproxy/haproxy.cfg");
    // A plan whose hosts have changed in other places than those that it changes.
    save(&Inventory::whole());
    lab.stdout_of("node2", "cp -p /etc/hosts /root/hosts && echo '192.0.2.7 printer' >>/etc/hosts");
    let stale = apply();
    lab.stdout_of("node2", "mv /root/hosts /etc/hosts");
    stale.expect(1).says("node2").says("/etc/hosts");
    let after = hosts::all_files(lab, &ALL);
    for (host, (before, after)) in ALL.iter().zip(files.iter().zip(&after)) {
        let moved: Vec<String> = hosts::changed(before, after);
        let ours = |line: &String| {
            *host == "node2"
                && (line.contains("/etc/hosts") || line.contains("~ /etc ") || line.contains("/root"))
        };
        assert!(moved.iter().all(ours), "{host} was touched by a plan that is out of date: {moved:?}");
    }
    assert_eq!(hosts::all_services(lab, &ALL), services, "services");
    stage.up(&Inventory::whole()).expect(0);
}

/// `--limit` changes the named hosts only; plugins are switched and the load balancer reloaded, without a restart.
pub fn limit_and_plugins(stage: &Stage) {
    let lab = &stage.lab;
    let mut changed = Inventory::whole().balanced(r#"balance = "roundrobin""#);
    changed.plugins.push("rabbitmq_top");
    let files = hosts::all_files(lab, &BROKERS);
    let services = hosts::all_services(lab, &ALL);
    let run = stage.rabbitup(&changed).args(["up", "--yes", "--limit", "lb1"]).run().expect(0);
    assert!(!run.out.contains("rabbitmq_top"), "a change outside of the limit: {run}");
    assert!(lab.stdout_of("lb1", "cat /etc/haproxy/haproxy.cfg").contains("balance roundrobin"));
    hosts::assert_untouched(lab, &BROKERS, &files);
    assert_eq!(hosts::all_services(lab, &ALL), services, "a reload is no restart");

    stage.up(&changed).expect(0).says("rabbitmq_top not enabled");
    let enabled =
        || on_all(&BROKERS, |host| lab.stdout_of(host, "rabbitmq-plugins -q list --enabled --minimal"));
    assert!(enabled().iter().all(|plugins| plugins.contains("rabbitmq_top")), "{:?}", enabled());
    stage.up(&Inventory::whole()).expect(0).says("rabbitmq_top not in the inventory");
    assert!(enabled().iter().all(|plugins| !plugins.contains("rabbitmq_top")), "{:?}", enabled());
    assert_eq!(hosts::all_services(lab, &ALL), services, "plugins need no restart");
    stage.assert_serves();
}

/// One node is down at a time, and the cluster is complete in between.
pub fn rolling_restart(stage: &Stage) {
    let lab = &stage.lab;
    let changed = Inventory::reconfigured();
    // Nodes that left and came back in other scenarios have no replicas, and with two replicas none can be stopped.
    stage.playbook(&Inventory::whole(), &["grow-queues"]).expect(0);
    let before = hosts::services(lab, "lb1");
    let started =
        on_all(&BROKERS, |host| unit_number(lab, host, "rabbitmq-server", "ActiveEnterTimestampMonotonic"));
    stage.up(&changed).expect(0);
    // The hosts share this machine's monotonic clock, so their times compare.
    let mut down: Vec<(u64, u64)> = on_all(&BROKERS, |host| {
        let at = |property| unit_number(lab, host, "rabbitmq-server", property);
        (at("ActiveExitTimestampMonotonic"), at("ActiveEnterTimestampMonotonic"))
    });
    for ((host, started), (_, again)) in BROKERS.iter().zip(started).zip(&down) {
        assert!(*again > started, "{host} was not restarted");
    }
    down.sort_unstable();
    for pair in down.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "two brokers were down at once: {down:?}");
    }
    assert_eq!(hosts::services(lab, "lb1"), before, "the load balancer's services");
    let read =
        lab.stdout_of("node3", "timeout 60 rabbitmqctl -q eval 'application:get_env(rabbit, heartbeat).'");
    assert!(read.contains("45"), "{read}");
    stage.assert_serves();
}

/// A file that RabbitMQ's own reader refuses reaches no host; an error that only a node detects reaches the first one, which gets its
/// old file back.
pub fn bad_configuration(stage: &Stage) {
    let lab = &stage.lab;
    let with = |line: &str| {
        let mut inventory = Inventory::whole();
        inventory.config.push(line.to_owned());
        inventory
    };
    let conf = || {
        on_all(&BROKERS, |host| {
            lab.stdout_of(
                host,
                "md5sum /etc/rabbitmq/rabbitmq.conf; stat -c '%n %Y' /etc/rabbitmq/rabbitmq.conf",
            )
        })
    };
    let (files, starts) = (conf(), hosts::starts(lab, &BROKERS));

    let run = stage.up(&with("vm_memory_high_watermark.relative = \"abc\"")).expect(1);
    run.says("RabbitMQ refuses the new /etc/rabbitmq/rabbitmq.conf")
        .says("Error transforming datatype for: vm_memory_high_watermark.relative");
    assert_eq!((conf(), hosts::starts(lab, &BROKERS)), (files.clone(), starts.clone()));

    // An address of documentation (RFC 5737), which no host has.
    let run = stage.up(&with("listeners.tcp.1 = \"192.0.2.1:5672\"")).expect(1);
    run.says("rabbit@node1 did not start with the new /etc/rabbitmq/rabbitmq.conf")
        .says("changed: listeners.tcp.1")
        .says("put node1 back into the balancer");
    assert_eq!(conf(), files, "node1 has its old file again, and the others still have theirs");
    assert_eq!(hosts::starts(lab, &BROKERS)[1..], starts[1..], "node2 and node3 run on");
    super::steady::wait_for_balancer(stage, "node1", "UP");
    stage.assert_nothing_to_do(&Inventory::whole());
    stage.assert_serves();
}

/// A joiner's limit leaves out the seed node, which it needs.
pub fn joiner_without_seed(stage: &Stage) {
    let before = hosts::all_files(&stage.lab, &ALL);
    let run = stage.rabbitup(&Inventory::whole()).args(["up", "--yes", "--limit", "node2"]).run();
    run.expect(1).says("node2: rabbit@node2 cannot be started before rabbit@node1 serves").says("--limit");
    hosts::assert_untouched(&stage.lab, &ALL, &before);
}

/// While one run installs a fourth node's packages, a second one is kept out; the first crashes; a third one finishes.
pub fn crash_and_added_node(stage: &Stage) {
    let lab = &stage.lab;
    lab.up(&[Host::new("node4", 14)]);
    let mut four = Inventory::reconfigured();
    four.hosts.insert(3, Entry::broker("node4", 14));
    let services = hosts::all_services(lab, &BROKERS);

    let mut first = stage.rabbitup(&four).args(["up", "--yes"]).spawn();
    first.wait_for("node4  install rabbitmq-server");
    let family = lab.suite().family();
    crate::program::until("packages are unpacked on node4", std::time::Duration::from_secs(60), || {
        lab.run_on("node4", family.at_work()).status.success().then_some(())
    });
    let second = stage.up(&four);
    let pid = first.pid();
    first.kill();
    let second = second.expect(75).says(&format!("(process {pid}) runs bring-up since"));
    second.says(" UTC, ").says(" s ago");

    stage.up(&four).expect(0);
    let brokers = ["node1", "node2", "node3", "node4"];
    hosts::assert_cluster(lab, &brokers);
    hosts::assert_cookie(lab, &brokers);
    hosts::assert_tidy(lab, &["node1", "node2", "node3", "node4", "lb1"]);
    assert_eq!(lab.stdout_of("node4", family.half_installed()), "");
    assert_eq!(hosts::broker_starts(lab, "node4"), 1, "how often node4's broker was started");
    assert_eq!(hosts::all_services(lab, &BROKERS), services, "a node more restarts no other");
    super::steady::wait_for_balancer(stage, "node4", "UP");
    stage.assert_nothing_to_do(&four);
}
