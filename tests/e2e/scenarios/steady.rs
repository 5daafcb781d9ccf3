//! A healthy cluster, and one with a stopped broker.

use std::time::Duration;

use crate::hosts::{self, on_all};
use crate::inventory::Inventory;
use crate::lab::Lab;
use crate::program::{Run, Running, Start, until};
use crate::stage::{ALL, BROKERS, Stage};

/// Nothing is changed, nothing is restarted.
pub fn second_run(stage: &Stage) {
    let inventory = Inventory::whole();
    let files = hosts::all_files(&stage.lab, &ALL);
    let services = hosts::all_services(&stage.lab, &ALL);
    stage.up(&inventory).expect(0).says("No changes. 4 hosts match the inventory.");
    stage.assert_nothing_to_do(&inventory);
    let status = stage.rabbitup(&inventory).args(["status"]).run().expect(0);
    status.says("3 of 3 nodes run").says("Healthy");
    let json = stage.rabbitup(&inventory).args(["status", "--json"]).run().expect(0).json();
    assert_eq!(json["healthy"], true, "{json}");
    assert_eq!(json["nodes"].as_array().map(Vec::len), Some(3), "{json}");
    hosts::assert_untouched(&stage.lab, &ALL, &files);
    assert_eq!(hosts::all_services(&stage.lab, &ALL), services, "services");
}

/// Counts the Erlang VMs that are started on a host, rabbitmqctl's included, in a file. Not the one that RabbitMQ itself
/// starts every minute, in case that epmd has ended (`rabbit_epmd_monitor`).
pub(super) fn count_vms(lab: &Lab) {
    let count = "mv erlexec erlexec.real && install -m 666 /dev/null /var/tmp/vms && \
        printf '#!/bin/sh\\ncase \"$*\" in *epmd-starter*) ;; *) echo started >>/var/tmp/vms ;; esac\\nexec %s.real \"$@\"\\n' \
        \"$PWD/erlexec\" >erlexec && chmod 755 erlexec";
    in_runtime(lab, count);
}

/// Ends the count, and says what it was on each host.
pub(super) fn counted_vms(lab: &Lab) -> Vec<String> {
    let counts = on_all(&BROKERS, |host| lab.stdout_of(host, "wc -l </var/tmp/vms"));
    in_runtime(lab, "mv -f erlexec.real erlexec && rm -f /var/tmp/vms");
    counts
}

/// A shell line on every broker, in the directory of Erlang's run-time programs.
fn in_runtime(lab: &Lab, line: &str) {
    let erlang = lab.suite().family().erlang();
    on_all(&BROKERS, |host| lab.stdout_of(host, &format!("cd {erlang}/erts-*/bin && {line}")));
}

/// One connection and one script per host, no connection right after, no Erlang VM, little memory.
pub fn cost(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    count_vms(lab);
    let package_manager = || on_all(&ALL, |host| lab.stdout_of(host, lab.suite().family().last_started()));
    let before = package_manager();
    stage.home.borrow_mut().forget_connections();
    let plan = |args: &[&str]| stage.rabbitup(&inventory).args(args.iter().copied()).run().expect(0);
    let first = plan(&["plan", "-v"]).says("ssh: 4 connections opened, 4 scripts run").says("No changes.");
    let again = plan(&["plan", "-v"]).says("ssh: 0 connections opened, 4 scripts run");
    let status = plan(&["status", "-v"]).says("ssh: 0 connections opened, 4 scripts run");
    let started = on_all(&BROKERS, |host| lab.stdout_of(host, "wc -l </var/tmp/vms"));
    assert_eq!(started, ["0", "0", "0"], "Erlang VMs that plan and status started");
    assert_eq!(package_manager(), before, "a package manager that takes 0.3 s was started");
    lab.stdout_of("node1", "timeout 60 rabbitmqctl -q version");
    let counted = lab.stdout_of("node1", "wc -l </var/tmp/vms");
    assert_ne!(counted, "0", "the count sees what rabbitmqctl starts");
    counted_vms(lab);
    let peak = |run: &Run| run.peak_kib / 1024;
    let runs = [&first, &again, &status];
    assert!(runs.iter().all(|run| run.peak_kib > 0 && peak(run) < 40), "MiB: {:?}", runs.map(peak));
    crate::stage::say(&format!(
        "                    a plan: {:.2?}, again {:.2?}, status {:.2?}; at most {} MiB",
        first.took,
        again.took,
        status.took,
        runs.into_iter().map(peak).max().unwrap_or_default()
    ));
}

/// A monitor, a colleague and the nightly run inspect at once, and do not block each other; not even on
/// a host without erl_call, which needs rabbitmqctl.
pub fn many_at_once(stage: &Stage) {
    let lab = &stage.lab;
    count_vms(lab);
    look_at_once(stage);
    assert_eq!(counted_vms(lab), ["0", "0", "0"], "Erlang VMs, for want of an answer to erl_call");
    let find = "find /usr -name erl_call -type f -exec chmod";
    lab.stdout_of("node2", &format!("{find} a-x {{}} +"));
    look_at_once(stage);
    lab.stdout_of("node2", &format!("{find} a+x {{}} +"));
}

fn look_at_once(stage: &Stage) {
    let inventory = Inventory::whole();
    let looks: Vec<Start> = (0..6).map(|_| stage.rabbitup(&inventory).args(["status"])).collect();
    let looks: Vec<Running> = looks.into_iter().map(Start::spawn).collect();
    for look in looks {
        look.wait().expect(0).says("3 of 3 nodes run");
    }
}

/// Mnesia's list of members if a node stopped while the others entered: the database has them, the list does
/// not. Such a node was refused as if it had been reset.
const OLD_NOTE: &str = "cd /var/lib/rabbitmq/mnesia/rabbit@node2 && { [ ! -e cluster_nodes.config ] || \
     echo '{[rabbit@node2],[rabbit@node2]}.' >cluster_nodes.config; }";

/// HAProxy marks it down, status shows it, and `up` only starts it again.
pub fn stopped_broker(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    let others = ["node1", "node3", "lb1"];
    lab.stdout_of("node2", "systemctl stop rabbitmq-server");
    lab.stdout_of("node2", OLD_NOTE);
    wait_for_balancer(stage, "node2", "DOWN");
    let status = stage.rabbitup(&inventory).args(["status"]).run().expect(1);
    status.says("2 of 3 nodes run").says("DOWN").says("node2");
    let json = stage.rabbitup(&inventory).args(["status", "--json"]).run().expect(1).json();
    assert_eq!(json["healthy"], false, "{json}");
    stage.assert_amqp("without-node2");
    assert_eq!(stage.planned(&inventory), ["node2 start rabbit@node2"]);
    let files = hosts::all_files(lab, &ALL);
    let services = hosts::all_services(lab, &others);
    stage.up(&inventory).expect(0);
    hosts::assert_untouched(lab, &ALL, &files);
    assert_eq!(hosts::all_services(lab, &others), services, "services of the others");
    wait_for_balancer(stage, "node2", "UP");
    stage.assert_serves();

    // One that would not come back from its restart is not stopped for it.
    lab.stdout_of("node2", "systemctl mask rabbitmq-server");
    let restart = ["run", "rolling-restart", "older-than=0s", "--yes"];
    let refused = stage.rabbitup(&inventory).args(restart).run().expect(1);
    refused.says("rabbitmq-server is masked on this host").says("systemctl unmask rabbitmq-server");
    assert_eq!(hosts::all_services(lab, &others), services, "nothing was restarted");
    lab.stdout_of("node2", "systemctl unmask rabbitmq-server");
    stage.assert_nothing_to_do(&inventory);
}

/// All hosts lose power and come back by themselves: names, hosts file, services and all.
pub fn power_cut(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    on_all(&ALL, |host| lab.kill(host));
    on_all(&ALL, |host| lab.boot(host));
    // The connections of the previous run are dead, which must not block this one.
    until("the cluster is whole again", Duration::from_secs(150), || {
        stage.rabbitup(&inventory).args(["status"]).run().succeeded().then_some(())
    });
    stage.up(&inventory).expect(0).says("No changes.");
    on_all(&ALL, |host| assert_eq!(lab.stdout_of(host, "hostname"), host));
    stage.assert_serves();
}

/// Waits until HAProxy's own statistics page has this state for a broker's AMQP port.
pub fn wait_for_balancer(stage: &Stage, server: &str, state: &str) {
    let balancer = stage.lab.address(21);
    until(&format!("HAProxy says {state} of {server}"), Duration::from_secs(30), || {
        let states = crate::watch::server_states(&balancer)?;
        // UP, DOWN, or `UP 1/2` in between.
        (states.get(server).map(String::as_str) == Some(state)).then_some(())
    });
}
