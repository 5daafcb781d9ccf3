//! Nodes that use another address family than their names.

use std::net::IpAddr;

use rabbitup::doctor::{Answer, Cause};
use rabbitup::facts::PortState;
use rabbitup::model::Advice;

use super::bed::{ALL, Bed};
use super::fixtures::host;

/// The healthy cluster at IPv6 addresses, over IPv6.
fn six() -> Bed {
    let mut bed = Bed::healthy();
    for (at, entry) in bed.desired.hosts.iter_mut().enumerate() {
        entry.address = format!("fd00::{}", at + 1).parse().expect("an address");
    }
    let names: Vec<(_, IpAddr)> =
        bed.desired.hosts.iter().map(|entry| (entry.name.clone(), entry.address)).collect();
    for name in ALL {
        bed.seen(name).resolution = names.iter().map(|(name, at)| (name.clone(), vec![*at])).collect();
        bed.exam(name).vm.as_mut().expect("one").proto_dist = Some("inet6_tcp".to_owned());
        bed.set(name, "SERVER_ADDITIONAL_ERL_ARGS", "-proto_dist inet6_tcp");
    }
    bed
}

#[test]
fn a_cluster_over_ipv6_has_no_findings() {
    let mut bed = six();
    assert_eq!(bed.found(), []);
    // erl_call does not reach other hosts over IPv6.
    bed.refuse("node2", "node1");
    bed.peer("node2", "node1").answer = Answer::Refused("erl_call: can't ei_gethostbyname(node1)".to_owned());
    assert_eq!(bed.found(), []);
}

/// As after a first `up` without rabbitup's lines: one node runs and listens on IPv4 only, the others are stopped.
#[test]
fn nodes_with_ipv4_and_names_with_ipv6_are_the_root() {
    let mut bed = six();
    for name in ["node2", "node3"] {
        bed.stop(name, "failed");
    }
    for name in ALL {
        bed.seen(name).environment.settings.clear();
        let peer = bed.peer(name, "node1");
        peer.ports = [(25672, PortState::Refused)].into();
        peer.answer = Answer::Refused(String::new());
    }
    bed.exam("node1").vm.as_mut().expect("one").proto_dist = None;
    let found = bed.found();
    let roots: Vec<_> =
        found.iter().filter(|found| !found.3).map(|found| (found.0, found.1.as_str())).collect();
    assert_eq!(roots, ALL.map(|name| (Cause::AddressFamily, name)), "{found:?}");
    let finding = &bed.diagnosis().findings[0];
    assert_eq!(finding.problem.cause.next, [Advice::Rabbitup("up".to_owned())]);
    insta::assert_snapshot!(format!("{}\n{}", finding.problem.what, finding.problem.cause.why.join("\n")));
}

#[test]
fn ipv6_by_a_setting_with_ipv4_names_is_told_with_the_edit() {
    let mut bed = Bed::healthy();
    bed.stop("node2", "failed");
    bed.set("node2", "SERVER_ADDITIONAL_ERL_ARGS", "-proto_dist inet6_tcp");
    let found = bed.found();
    assert_eq!((found[0].0, found[0].1.as_str()), (Cause::AddressFamily, "node2"), "{found:?}");
    assert!(found[1..].iter().all(|found| found.3), "{found:?}");
    let advice = &bed.diagnosis().findings[0].problem.cause.next;
    assert!(
        advice.iter().any(|line| line.line().contains("s/-proto_dist inet6_t/-proto_dist inet_t/")),
        "{advice:?}"
    );
    // A name with addresses of both families is found either way.
    let both = vec!["192.168.0.41".parse().expect("one"), "fd00::1".parse().expect("one")];
    for name in ALL {
        bed.seen("node2").resolution.insert(host(name), both.clone());
    }
    assert!(!bed.found().iter().any(|found| found.0 == Cause::AddressFamily));
}
