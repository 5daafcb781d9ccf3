//! What doctor says of names that went away, and of nodes that missed them.

use rabbitup::doctor::Cause;
use rabbitup::facts::{BrokerState, CloudInit, HostsFileRule, NodeData};
use rabbitup::inventory::HostsFileSetting;
use rabbitup::model::NodeName;

use super::bed::{ALL, Bed};
use super::fixtures::host;

fn node(name: &str) -> NodeName {
    NodeName::rabbit(&host(name))
}

#[test]
fn a_kernel_name_with_a_domain_is_right_with_short_names() {
    let mut bed = Bed::healthy();
    bed.seen("node2").host_name.running = "node2.lab.example".to_owned();
    assert_eq!(bed.found(), []);
}

#[test]
fn whoever_else_writes_the_file_is_named_where_names_are_missing() {
    let mut bed = Bed::healthy();
    bed.seen("node2").resolution.remove(&host("node1"));
    let why = |bed: &Bed| bed.diagnosis().findings[0].problem.cause.why.join("\n");
    bed.file("node2", "/etc/hosts", "# HEADER: written by puppet\n127.0.0.1 localhost\n");
    assert!(why(&bed).contains("/etc/hosts says that it belongs to Puppet"), "{}", why(&bed));
    bed.seen("node2").cloud_init = Some(CloudInit {
        rule: HostsFileRule::Template,
        set_by: "/var/lib/cloud/instance/vendor-cloud-config.txt".to_owned(),
    });
    let line = "cloud-init writes /etc/hosts at every boot: manage_etc_hosts: true in its vendor-data, ";
    assert!(why(&bed).contains(line), "{}", why(&bed));
}

/// As the plan, which refuses such hosts then.
#[test]
fn without_rabbitups_lines_the_own_name_counts_and_up_is_no_advice() {
    let mut bed = Bed::healthy();
    bed.desired.hosts_file = HostsFileSetting::LeftAlone;
    assert_eq!(bed.found(), []);
    let loopback = "127.0.1.1".parse().expect("an address");
    bed.seen("node2").resolution.insert(host("node2"), vec![loopback]);
    let findings = bed.diagnosis().findings;
    assert_eq!(findings[0].cause, Cause::NameLoopback);
    let advice = findings[0].problem.cause.next[0].words("");
    assert!(advice.contains("[hosts_file] has manage = false"), "{advice}");
}

#[test]
fn a_boot_that_waits_in_vain_is_told_from_one_that_waits() {
    let mut bed = Bed::healthy();
    bed.file("node2", "/etc/hosts", "127.0.0.1 localhost\n");
    bed.stop("node2", "activating");
    let members = ALL.map(|name| rabbitup::facts::ClusterMember {
        node_type: rabbitup::model::NodeType::Disc,
        node: node(name),
    });
    let seen = bed.seen("node2");
    seen.broker = BrokerState::AppStopped;
    seen.data =
        vec![NodeData { node: "rabbit@node2".to_owned(), members: members.to_vec(), ..NodeData::default() }];
    seen.met = Some(vec![node("node2")]);
    let file = seen.files.get_mut("/etc/hosts").expect("it is there");
    file.modified = 1_700_000_000;
    let changed = file.modified;
    let unit = seen.units.get_mut("rabbitmq-server").expect("a unit");
    unit.since = Some(changed + 1);
    let told = |bed: &Bed| {
        let findings = bed.diagnosis().findings;
        let stopped = findings.iter().find(|found| found.cause == Cause::BrokerStopped);
        stopped.map(|found| found.problem.what.clone()).unwrap_or_default()
    };
    assert!(told(&bed).contains("is starting or stopping, or waits for others"), "{}", told(&bed));
    let unit = bed.seen("node2").units.get_mut("rabbitmq-server").expect("a unit");
    unit.since = changed.checked_sub(1);
    assert_eq!(told(&bed), "the broker's boot waits in vain for other members");
}
