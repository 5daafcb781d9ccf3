use rabbitup::inventory::{StarterError, starter};
use rabbitup::model::Role;

use super::load;

#[test]
fn a_starter_inventory_loads_without_warnings() {
    let text =
        starter(&["node1=192.168.0.41", "node2=192.168.0.42", "node3=ops@192.168.0.43", "lb1=192.168.0.44"])
            .expect("a starter");
    insta::assert_snapshot!(text);
    let loaded = load(&text).unwrap_or_else(|report| panic!("{report}"));
    assert!(loaded.warnings.is_empty());
    assert_eq!(loaded.desired.brokers().count(), 3);
    assert_eq!(loaded.desired.with_role(Role::LoadBalancer).count(), 1);
    assert_eq!(loaded.desired.hosts[2].ssh.user.as_deref(), Some("ops"));
}

#[test]
fn every_form_of_a_host_is_understood() {
    for hosts in [
        vec!["10.0.0.1"],
        vec!["ops@10.0.0.1", "10.0.0.2"],
        vec!["a.example.com=fd00::1"],
        vec!["lb1=10.0.0.1", "10.0.0.2"],
    ] {
        let text = starter(&hosts).expect("a starter");
        load(&text).unwrap_or_else(|report| panic!("{hosts:?}\n{text}\n{report}"));
    }
}

#[test]
fn invalid_hosts_are_reported() {
    let refused = |hosts: &[&str]| starter(hosts).expect_err("refused").to_string();
    assert_eq!(starter::<&str>(&[]), Err(StarterError::NoHost));
    assert_eq!(starter(&["lb1=10.0.0.1"]), Err(StarterError::NoBroker));
    assert!(refused(&["node1"]).contains("`node1` has no address"));
    assert!(refused(&["node_1=10.0.0.1"]).contains("'_' is not allowed in a host name"));
    assert!(refused(&["10.0.0.1", "10.0.0.1"]).contains("two hosts have the address"));
    assert!(refused(&["a=10.0.0.1", "a=10.0.0.2"]).contains("two hosts have the name"));
    assert!(refused(&["-x@10.0.0.1"]).contains("the login"));
    assert!(refused(&["a.b=10.0.0.1", "c=10.0.0.2"]).contains("has a domain"));
}
