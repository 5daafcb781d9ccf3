//! Brokers whose names resolve to IPv6 addresses only; ssh uses IPv4, as the lab does.

use std::time::Duration;

use crate::hosts::{self, on_all};
use crate::inventory::Inventory;
use crate::lab::Lab;
use crate::program::{Run, until};
use crate::stage::{BROKERS, Stage, octet};

const ALL: [&str; 4] = ["node1", "node2", "node3", "lb1"];
const ENV: &str = "/etc/rabbitmq/rabbitmq-env.conf";

pub fn six(host: &str) -> String {
    format!("fd77::{}", octet(host))
}

fn inventory(stage: &Stage, hosts: &[&str]) -> String {
    with_six(stage, Inventory::whole().text(&stage.lab, None), hosts)
}

/// The inventory with IPv6 addresses for these hosts.
pub fn with_six(stage: &Stage, inventory: String, hosts: &[&str]) -> String {
    hosts.iter().fold(inventory, |text, host| {
        let four = stage.lab.address(octet(host));
        let (old, new) = (
            format!("address = \"{four}\"\n"),
            format!("address = \"{}\"\nssh = {{ host = \"{four}\" }}\n", six(host)),
        );
        assert!(text.contains(&old), "{text}");
        text.replace(&old, &new)
    })
}

/// Also after the next boot.
pub fn give_addresses(lab: &Lab, hosts: &[&str]) {
    on_all(hosts, |host| {
        let address = format!("ip -6 addr replace {}/64 dev host0 nodad", six(host));
        let unit = "/etc/systemd/system/lab-network.service.d";
        let lines = format!(
            "mkdir -p {unit} && printf '[Service]\\nExecStart={address}\\n' >{unit}/six.conf && {address}"
        );
        lab.stdout_of(host, &lines)
    });
}

fn rabbitup(stage: &Stage, words: &[&str]) -> Run {
    stage.rabbitup_on(&inventory(stage, &ALL)).args(words.iter().copied()).run()
}

fn serves(stage: &Stage) {
    let lab = &stage.lab;
    hosts::assert_cluster(lab, &BROKERS);
    rabbitup(stage, &["plan", "--detailed-exitcode"]).expect(0).says("No changes.");
    rabbitup(stage, &["doctor"]).expect(0);
    // Clients over IPv6, and those over IPv4.
    for address in [six("lb1"), lab.address(octet("lb1"))] {
        for port in [5672, 15672] {
            lab.stdout_of("node1", &format!("timeout 5 bash -c ': <>/dev/tcp/{address}/{port}'"));
        }
    }
    rabbitup(stage, &["status"]).expect(0).says("Healthy: 3 of 3 nodes run, 1 load balancer serves them");
}

pub fn ipv6_only(stage: &Stage) {
    let lab = &stage.lab;
    give_addresses(lab, &ALL);
    let files = hosts::all_files(lab, &ALL);
    let mixed = inventory(stage, &["node2"]);
    let refused = stage.rabbitup_on(&mixed).args(["check"]).run().expect(64);
    refused.says("`node1` has an IPv4 address and `node2` an IPv6 address");
    hosts::assert_untouched(lab, &ALL, &files);

    let up = rabbitup(stage, &["up", "--yes"]).expect(0).says("Verified: No changes.");
    assert!(up.took < Duration::from_secs(240), "{up}");
    serves(stage);
    let listens = on_all(&BROKERS, |host| lab.stdout_of(host, "ss -lnt | grep -c '0.0.0.0:25672'; :"));
    assert_eq!(listens, ["0", "0", "0"], "nodes listen on IPv6");

    // Each of these asks nodes on other hosts, and restarts nodes.
    rabbitup(stage, &["run", "rolling-restart", "older-than=0s", "--yes"]).expect(0);
    rabbitup(stage, &["run", "rotate-cookie", "--yes"]).expect(0);
    serves(stage);
    lab.kill("node3");
    stage.home.borrow_mut().forget_connections();
    lab.boot("node3");
    until("the cluster is whole again", Duration::from_secs(150), || {
        rabbitup(stage, &["status"]).succeeded().then_some(())
    });
    without_the_lines(stage);
    serves(stage);
}

/// A node that starts over IPv4 waits for the others in vain: doctor says why, and one run brings it back.
fn without_the_lines(stage: &Stage) {
    let lab = &stage.lab;
    lab.stdout_of(
        "node2",
        &format!("sed -i /proto_dist/d {ENV} && systemctl --no-block restart rabbitmq-server"),
    );
    let told = until("doctor says why", Duration::from_secs(120), || {
        let run = rabbitup(stage, &["doctor"]);
        run.code().filter(|code| *code == 1)?;
        format!("{run}").contains("address-family").then_some(run)
    });
    let told = told
        .says("node2: the node uses IPv4 between nodes, and names resolve to IPv6 only")
        .says("sets -proto_dist");
    let text = format!("{told}");
    let first = text.lines().find(|line| line.contains("cause: ")).unwrap_or_default().to_owned();
    assert!(first.contains("address-family"), "the root cause comes first: {text}");
    rabbitup(stage, &["up", "--yes"]).expect(0).says("Verified: No changes.");
}
