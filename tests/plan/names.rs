//! Names of hosts, and who else writes the files that they are in.

use rabbitup::facts::{BrokerState, CloudInit, Facts, FileFacts, HostsFileRule, UnitFacts};
use rabbitup::inventory::Desired;
use rabbitup::report::{Style, plan_text, refusals_text};

use crate::fixtures::*;

const TEMPLATE: &str = "/etc/cloud/templates/hosts.debian.tmpl";
const USER_DATA: &str = "/var/lib/cloud/instance/cloud-config.txt";

fn text(desired: &Desired, facts: &Facts) -> String {
    match planned(desired, facts, &options()) {
        Ok((plan, _)) => plan_text(&plan, Style::plain(100)),
        Err(refused) => refusals_text(&refused, Style::plain(100)),
    }
}

fn hosts_file<'f>(facts: &'f mut Facts, of: &str) -> &'f mut FileFacts {
    host(facts, of).files.get_mut("/etc/hosts").expect("every host has one")
}

/// As Debian's installer has it on node1, as the kernel has it on node2, as DNS has it on node3; EL has a name behind localhost's.
fn called_in_full(facts: &mut Facts) {
    hosts_file(facts, "node1").content = Some("127.0.1.1\tnode1.lab.example node1\n".to_owned());
    let full = |facts: &mut Facts, of: &str, full: &str| {
        host(facts, of).full_names.insert(name(of), full.to_owned());
    };
    full(facts, "node1", "node1.lab.example");
    let kernel = "node2.lab.example".to_owned();
    let node2 = &mut host(facts, "node2").host_name;
    (node2.running, node2.persistent) = (kernel.clone(), Some(kernel));
    full(facts, "node3", "node3.lab.example");
    full(facts, "lb1", "localhost.localdomain");
}

#[test]
fn a_host_keeps_its_full_name() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    called_in_full(&mut facts);
    let (plan, after) = planned(&desired, &facts, &options()).expect("a plan");
    assert!(!ids(&plan).contains(&"node2/host-name".to_owned()), "RabbitMQ takes the first label");
    for host in ["node1", "node2", "node3", "lb1"] {
        let seen = after.host(&name(host)).expect("it was inspected");
        let text = seen.file("/etc/hosts").and_then(|file| file.content.clone()).expect("it is written");
        let block = "# BEGIN rabbitup\n192.168.0.41 node1.lab.example node1\n192.168.0.42 node2.lab.example node2\n\
                     192.168.0.43 node3.lab.example node3\n192.168.0.44 lb1\n# END rabbitup\n";
        assert!(text.ends_with(block) && !text.contains("127.0.1.1\tnode1"), "{text}");
        assert_eq!(seen.full_names.get(&name("node1")).map(String::as_str), Some("node1.lab.example"));
    }
    let (again, _) = planned(&desired, &after, &options()).expect("a plan");
    assert_eq!(ids(&again), Vec::<String>::new());
}

/// Somebody's mistake in DNS must not lead to another broker.
#[test]
fn a_full_name_that_is_another_hosts_is_not_kept() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    host(&mut facts, "node1").full_names.insert(name("node1"), "node2.lab.example".to_owned());
    let (_, after) = planned(&desired, &facts, &options()).expect("a plan");
    let text = after.host(&name("node1")).and_then(|seen| seen.file("/etc/hosts")?.content.clone());
    assert!(text.is_some_and(|text| text.contains("\n192.168.0.41 node1\n")));
}

fn cloud(facts: &mut Facts, rule: HostsFileRule, set_by: &str) {
    let template = "## template:jinja\n127.0.1.1 {{fqdn}} {{hostname}}\n127.0.0.1 localhost\n";
    let file = FileFacts { content: Some(template.to_owned()), ..hosts_file(facts, "node2").clone() };
    let node2 = host(facts, "node2");
    node2.cloud_init = Some(CloudInit { rule, set_by: set_by.to_owned() });
    node2.files.insert(TEMPLATE.to_owned(), file);
}

#[test]
fn what_cloud_init_writes_at_every_boot_is_seen_before() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    cloud(&mut facts, HostsFileRule::Template, USER_DATA);
    insta::assert_snapshot!(text(&desired, &facts));
    cloud(&mut facts, HostsFileRule::Localhost, "/etc/cloud/cloud.cfg");
    insta::assert_snapshot!(text(&desired, &facts));
    // Nothing in /etc/cloud outranks user-data.
    cloud(&mut facts, HostsFileRule::Localhost, USER_DATA);
    let told = text(&desired, &facts);
    assert!(told.contains("(manage_etc_hosts: localhost in its user-data"), "{told}");
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    assert_eq!(ids(&plan), Vec::<String>::new());
    // Without a template cloud-init fails.
    cloud(&mut facts, HostsFileRule::Template, USER_DATA);
    host(&mut facts, "node2").files.remove(TEMPLATE);
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    assert_eq!(ids(&plan), Vec::<String>::new());
}

#[test]
fn a_file_that_another_tool_claims_is_noted() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    hosts_file(&mut facts, "node2").content =
        Some("# This file is managed by Puppet\n127.0.0.1 localhost\n".to_owned());
    let told = text(&desired, &facts);
    assert!(told.contains("note: node2: /etc/hosts says that it belongs to Puppet"), "{told}");
    let chrony = host(&mut facts, "node2").files.get_mut("/etc/chrony/chrony.conf").expect("it was written");
    chrony.content = Some("# Ansible managed\nserver 192.0.2.1\n".to_owned());
    host(&mut facts, "node2").packages.entry("chrony".to_owned()).or_default().installed =
        Some("4".to_owned());
    let told = text(&desired, &facts);
    assert!(told.contains("chrony.conf says that it belongs to Ansible"), "{told}");
}

#[test]
fn names_that_rabbitup_does_not_write_must_resolve() {
    let desired = desired(&format!("{INVENTORY}\n[hosts_file]\nmanage = false\n"));
    let mut facts = converged(&self::desired(INVENTORY));
    for host_of in ["node1", "node2", "node3", "lb1"] {
        hosts_file(&mut facts, host_of).content = Some("127.0.0.1 localhost\n".to_owned());
    }
    let (plan, _) = planned(&desired, &facts, &options()).expect("DNS has the names");
    assert_eq!(ids(&plan), Vec::<String>::new());
    host(&mut facts, "node3").resolution.remove(&name("node1"));
    let loopback = "127.0.1.1".parse().expect("an address");
    host(&mut facts, "node3").resolution.insert(name("node3"), vec![loopback]);
    insta::assert_snapshot!(text(&desired, &facts));
}

/// All three boot, and looked for each other when no name resolved.
fn booting_since(facts: &mut Facts, since: u64) {
    for of in ["node1", "node2", "node3"] {
        let seen = host(facts, of);
        seen.broker = BrokerState::AppStopped;
        seen.met = Some(vec![node(of)]);
        let active = "activating".to_owned();
        let unit = UnitFacts {
            exists: true,
            active,
            enabled: "enabled".to_owned(),
            since: Some(since),
            ..UnitFacts::default()
        };
        seen.units.insert("rabbitmq-server".to_owned(), unit);
    }
}

#[test]
fn boots_that_wait_in_vain_are_interrupted_together() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    booting_since(&mut facts, 1_800_000_000);
    for of in ["node1", "node2", "node3"] {
        hosts_file(&mut facts, of).content = Some("127.0.0.1 localhost\n".to_owned());
        host(&mut facts, of).resolution.clear();
    }
    insta::assert_snapshot!(text(&desired, &facts));
}

/// The same when an earlier run, or somebody, has put the names there after the boot; and a boot that is only slow goes on.
#[test]
fn a_boot_is_interrupted_only_for_names_that_came_after_it() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    let interrupted = |facts: &Facts| {
        let (plan, _) = planned(&desired, facts, &options()).expect("a plan");
        ids(&plan).into_iter().filter(|id| id.ends_with("/interrupt")).collect::<Vec<_>>()
    };
    // The file is from 1_700_000_000.
    booting_since(&mut facts, 1_600_000_000);
    assert_eq!(interrupted(&facts).len(), 3);
    booting_since(&mut facts, 1_700_000_000);
    assert_eq!(interrupted(&facts), Vec::<String>::new(), "the names were there first");
    booting_since(&mut facts, 1_600_000_000);
    host(&mut facts, "node1").met = Some(vec![node("node1"), node("node2")]);
    host(&mut facts, "node2").met = None;
    assert_eq!(interrupted(&facts), ["node3/interrupt"], "one has met another, one did not say");
}

#[test]
fn one_machine_twice_is_refused() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    for (of, identity) in [("node1", "m b1 net:[1]"), ("node2", "m b2 net:[1]"), ("node3", "m b2 net:[1]")] {
        host(&mut facts, of).system.identity = Some(identity.to_owned());
    }
    insta::assert_snapshot!(text(&desired, &facts));
}
