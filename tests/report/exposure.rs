//! Ports of the cluster's own that this machine reaches.

use std::collections::BTreeSet;

use rabbitup::cluster::{Finding, Inner, InnerPort, Severity, exposure, inner_ports};
use rabbitup::facts::Facts;
use rabbitup::inventory::{ConfigEntry, ConfigValue, Desired};
use rabbitup::model::Role;
use rabbitup::report::{Style, findings_text};

use super::fixtures::desired;

fn ports(desired: &Desired) -> BTreeSet<InnerPort> {
    inner_ports(desired, &Facts::default())
}

fn numbers(ports: &BTreeSet<InnerPort>) -> Vec<u16> {
    ports.iter().map(|port| port.at.port()).collect()
}

fn with_setting(key: &str, value: &str) -> Desired {
    let mut desired = desired(1, 1);
    let value = ConfigValue::Text(value.to_owned());
    desired.cluster.config.push(ConfigEntry { key: key.to_owned(), value });
    desired
}

/// Brokers at these addresses, everything of which accepts connections.
fn open(addresses: &[&str], balancers: usize) -> Vec<Finding> {
    let mut desired = desired(addresses.len(), balancers);
    for (host, address) in desired.hosts.iter_mut().filter(|host| host.has(Role::Broker)).zip(addresses) {
        (*address).clone_into(&mut host.ssh.destination);
    }
    exposure(&ports(&desired))
}

#[test]
fn only_ports_that_the_cluster_alone_needs_are_tried() {
    assert_eq!(numbers(&ports(&desired(1, 1))), [4369, 15672, 25672]);
    assert_eq!(ports(&desired(3, 1)).len(), 9);
    assert_eq!(
        numbers(&ports(&desired(1, 0))),
        [4369, 25672],
        "people come to the UI without a load balancer"
    );
    assert_eq!(numbers(&ports(&with_setting("management.ssl.port", "15671"))), [4369, 25672], "it has TLS");
    assert_eq!(numbers(&ports(&with_setting("management.tcp.ip", "127.0.0.1"))), [4369, 25672]);
    let mut range = with_setting("distribution.listener.port_range.min", "26000");
    let value = ConfigValue::Text("26009".to_owned());
    let key = "distribution.listener.port_range.max".to_owned();
    range.cluster.config.push(ConfigEntry { key, value });
    assert_eq!(numbers(&ports(&range)), [4369, 15672], "which one of a range it takes is not known");
}

#[test]
fn nothing_is_tried_where_ssh_takes_a_detour() {
    let mut jump = desired(1, 1);
    jump.hosts[0].ssh.jump = Some("gate".to_owned());
    assert!(ports(&jump).is_empty(), "behind a jump host the address may be another machine's here");
    for destination in ["alias", "127.0.0.1"] {
        let mut desired = desired(1, 1);
        destination.clone_into(&mut desired.hosts[0].ssh.destination);
        assert!(ports(&desired).is_empty(), "{destination}");
    }
}

#[test]
fn in_a_private_network_it_is_one_line() {
    let found = open(&["192.168.0.41", "192.168.0.42", "192.168.0.43"], 1);
    assert!(found.len() == 3 && found.iter().all(|finding| finding.severity == Severity::Note), "{found:?}");
    let text = findings_text(&found, Style::plain(140));
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    assert!(text.chars().count() <= 100, "{text}");
    insta::assert_snapshot!(text);
    assert!(found[0].problem.cause.why[0].contains("connects to 192.168.0.41: epmd (4369)"), "{found:?}");
    assert_eq!(exposure(&BTreeSet::new()), []);
}

#[test]
fn at_public_addresses_it_is_a_warning_with_the_way_out() {
    let found = open(&["8.8.8.8", "192.168.0.42"], 0);
    assert_eq!(found.iter().map(|f| f.severity).collect::<Vec<_>>(), [Severity::Warning, Severity::Note]);
    insta::assert_snapshot!(findings_text(&found, Style::plain(100)));
    let serves: BTreeSet<Inner> = ports(&desired(1, 1)).iter().map(|port| port.serves).collect();
    assert_eq!(serves.len(), 3);
}
