//! What SELinux would deny.

use std::collections::BTreeMap;

use rabbitup::facts::{Facts, SelinuxBoolean, SelinuxFacts, SelinuxMode, Switch};
use rabbitup::inventory::Desired;

use crate::fixtures::{INVENTORY, desired, fresh, host, options, planned};

const OFF: SelinuxBoolean = SelinuxBoolean { now: Switch::Off, saved: None };

fn enforcing(desired: &Desired) -> Facts {
    let mut facts = fresh(desired);
    let names = ["haproxy_connect_any", "httpd_can_network_connect"];
    let booleans: BTreeMap<_, _> = names.map(|name| (name.to_owned(), OFF)).into();
    for name in ["node1", "node2", "lb1"] {
        let selinux = SelinuxFacts {
            mode: SelinuxMode::Enforcing,
            booleans: booleans.clone(),
            ..SelinuxFacts::default()
        };
        host(&mut facts, name).selinux = selinux;
    }
    facts
}

/// The steps of the phase.
fn steps(desired: &Desired, facts: &Facts) -> Vec<String> {
    let (plan, _) = planned(desired, facts, &options()).expect("a plan");
    let steps = plan.steps.iter().filter(|step| step.phase.as_str() == "selinux");
    steps.map(|step| format!("{}: {}, because {}", step.host, step.title, step.reason)).collect()
}

#[test]
fn a_balancer_may_connect_to_brokers() {
    let haproxy = desired(INVENTORY);
    insta::assert_snapshot!(steps(&haproxy, &enforcing(&haproxy)).join("\n"), @"lb1: set SELinux's boolean haproxy_connect_any, because SELinux is enforcing, and would deny HAProxy its connections to the brokers");
    let nginx = INVENTORY.replace("stats = { port = 8404 }", "software = \"nginx\"");
    let nginx = desired(&nginx);
    insta::assert_snapshot!(steps(&nginx, &enforcing(&nginx)).join("\n"), @"lb1: set SELinux's boolean httpd_can_network_connect, because SELinux is enforcing, and would deny nginx its connections to the brokers");
}

#[test]
fn a_boolean_counts_now_and_later() {
    let desired = desired(INVENTORY);
    let mut facts = enforcing(&desired);
    let mut with = |boolean| {
        host(&mut facts, "lb1").selinux.booleans.insert("haproxy_connect_any".to_owned(), boolean);
        steps(&desired, &facts).len()
    };
    assert_eq!(with(SelinuxBoolean { now: Switch::On, saved: None }), 1, "it would be off after a reboot");
    assert_eq!(with(SelinuxBoolean { now: Switch::Off, saved: Some(Switch::On) }), 1);
    assert_eq!(with(SelinuxBoolean::ON), 0);
}

#[test]
fn only_where_it_denies() {
    let desired = desired(INVENTORY);
    for mode in [SelinuxMode::Permissive, SelinuxMode::Disabled] {
        let mut facts = enforcing(&desired);
        host(&mut facts, "lb1").selinux.mode = mode;
        assert_eq!(steps(&desired, &facts), Vec::<String>::new(), "{mode:?}");
    }
    let mut facts = enforcing(&desired);
    host(&mut facts, "lb1").selinux.booleans.clear();
    assert_eq!(steps(&desired, &facts), Vec::<String>::new(), "the policy does not confine it");
}

#[test]
fn a_broker_may_listen_on_the_managements_tls_port() {
    let tls = INVENTORY.replace("heartbeat = 30", "heartbeat = 30\nmanagement.ssl.port = 15671");
    let desired = desired(&tls);
    let facts = enforcing(&desired);
    let brokers = |facts: &Facts| {
        steps(&desired, facts).into_iter().filter(|step| step.starts_with("node")).collect::<Vec<_>>()
    };
    insta::assert_snapshot!(brokers(&facts).join("\n"), @r"
    node1: give port 15671 SELinux's type rabbitmq_port_t, because SELinux is enforcing, and would deny the management UI its TLS port
    node2: give port 15671 SELinux's type rabbitmq_port_t, because SELinux is enforcing, and would deny the management UI its TLS port
    ");
    let (_, after) = planned(&desired, &facts, &options()).expect("a plan");
    assert_eq!(brokers(&after), Vec::<String>::new());
}
