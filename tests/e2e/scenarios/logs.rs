//! Logs of all hosts as one sequence, and followed.

use crate::inventory::Inventory;
use crate::release::Suite;
use crate::stage::{BROKERS, Stage};

/// The lines of every host in the order of their times; a log is followed over its rotation; a host that goes away is named.
pub fn one_sequence(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    let logs = |words: &[&str]| {
        stage.rabbitup(&inventory).args(["logs"]).args(words.iter().copied()).run().expect(0)
    };
    // RabbitMQ 3.8 has a logger of its own.
    let is_lager = lab.suite() == Suite::Bullseye;
    let write = |host: &str, words: &str| {
        let call = if is_lager { "rabbit_log" } else { "logger" };
        let line = format!("timeout 60 rabbitmqctl -q eval '{call}:error(\"{words}\").'");
        lab.stdout_of(host, &line);
    };
    write("node2", "password=S3CRETmark of node2");
    write("node1", "later on node1");
    lab.stdout_of("lb1", "systemctl reload haproxy");

    let all = logs(&["-n", "400"]).says("password=••••").says("later on node1").does_not_say("S3CRETmark");
    let times: Vec<&str> = all.out.lines().filter_map(|line| line.get(..23)).collect();
    assert!(times.is_sorted(), "{}", all.out);
    for host in BROKERS.iter().chain(&["lb1"]) {
        let column = format!(" {host:5} ");
        assert!(
            all.out.lines().any(|line| line.get(23..).is_some_and(|line| line.starts_with(&column))),
            "{host}: {}",
            all.out
        );
    }
    let balancer = logs(&["lb1", "--since", "10m"]).says("haproxy");
    let is_of_balancer = |line: &str| line.get(23..).is_some_and(|line| line.starts_with(" lb1 "));
    assert!(balancer.out.lines().all(is_of_balancer), "{}", balancer.out);
    logs(&["@broker", "--since", "1ms"]).does_not_say("later on node1");
    stage.rabbitup(&inventory).args(["logs", "nod1"]).run().expect(64).says("did you mean node1?");

    let mut following = stage.rabbitup(&inventory).args(["logs", "--follow", "@broker", "-n", "1"]).spawn();
    write("node3", "first of node3");
    following.wait_for("first of node3");
    let log = "/var/log/rabbitmq/rabbit@node3.log";
    write("node3", "second of node3");
    // Since 3.9 RabbitMQ sees for itself that its log has another name, and makes a new one.
    let rotate = if is_lager { "timeout 60 rabbitmqctl -q rotate_logs" } else { "true" };
    lab.stdout_of("node3", &format!("mv {log} {log}.1 && {rotate}"));
    write("node3", "third of node3");
    following.wait_for("third of node3");
    lab.kill("node3");
    // It holds no other back.
    write("node2", "while node3 is away");
    following.wait_for("while node3 is away");
    following.wait_for_error("node3: ");
    lab.boot("node3");
    following.wait_for_error("node3: answers again");
    assert!(following.signal("INT"), "it runs");
    let run = following.wait().expect(130);
    for words in ["first of node3", "second of node3", "third of node3"] {
        assert_eq!(run.out.matches(words).count(), 1, "{words}: {}", run.out);
    }
    let left = lab.stdout_of("node1", "pgrep -ax 'journalctl|tail' || true");
    assert_eq!(left, "", "nothing stays behind on a host");
    stage.up(&inventory).expect(0);
}
