//! Inventories of Ansible become inventories that load. The samples are in tests/inventory/ansible.

use std::net::IpAddr;
use std::path::Path;

use rabbitup::ansible::starter_from;
use rabbitup::document::{Graphics, report};
use rabbitup::model::Role;

use super::load;

/// Names that end in .com have an address, with their number in it.
fn resolve(name: &str) -> Option<IpAddr> {
    let number: u8 = name.chars().filter(char::is_ascii_digit).collect::<String>().parse().ok()?;
    Some(IpAddr::from([10, 1, 1, number])).filter(|_| name.ends_with(".com") || name.starts_with("rabbit"))
}

/// The samples.
const SAMPLES: &str = "tests/inventory/ansible";

fn made(sample: &str) -> (String, rabbitup::inventory::Desired) {
    made_of(&Path::new(SAMPLES).join(sample))
}

fn made_of(path: &Path) -> (String, rabbitup::inventory::Desired) {
    let text = starter_from(path, None, &resolve)
        .unwrap_or_else(|problems| panic!("{}", report(&problems, 80, Graphics::Unicode)));
    assert!(!text.contains("hunter2") && !text.contains("AES256"), "the vault stays shut: {text}");
    let loaded = load(&text).unwrap_or_else(|report| panic!("{text}\n{report}"));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    (text, loaded.desired)
}

fn names(desired: &rabbitup::inventory::Desired, role: Role) -> Vec<String> {
    desired.with_role(role).map(|host| host.name.to_string()).collect()
}

#[test]
fn a_flat_list_is_all_brokers() {
    let (text, desired) = made("flat.ini");
    insta::assert_snapshot!(text);
    assert_eq!(names(&desired, Role::Broker), ["node1", "node2", "node3"]);
    assert_eq!(desired.hosts[2].ssh.port, Some(2222));
    assert_eq!(desired.hosts[2].ssh.user.as_deref(), Some("ops"));
    assert_eq!(desired.hosts[0].ssh.user, None);
}

#[test]
fn groups_say_what_hosts_are_for_and_how_they_are_reached() {
    let (text, desired) = made("groups.ini");
    insta::assert_snapshot!(text);
    assert_eq!(names(&desired, Role::Broker), ["mq01.example.com", "mq02.example.com", "mq03.example.com"]);
    assert_eq!(names(&desired, Role::LoadBalancer), ["edge1.example.com"]);
    let mq01 = &desired.hosts[0].ssh;
    assert_eq!(mq01.jump.as_deref(), Some("jump@bastion.example.com"));
    assert_eq!((mq01.user.as_deref(), mq01.destination.as_str()), (Some("ops"), "mq01.example.com"));
    assert_eq!(desired.hosts[3].ssh.user.as_deref(), Some("deploy"));
}

#[test]
fn yaml_is_read_with_its_groups() {
    let (text, desired) = made("groups.yml");
    insta::assert_snapshot!(text);
    assert_eq!(names(&desired, Role::Broker), ["rabbit1", "rabbit2", "rabbit3"]);
    assert_eq!(names(&desired, Role::LoadBalancer), ["front"]);
    assert_eq!(desired.load_balancer.as_ref().map(|it| it.software.as_str()), Some("nginx"));
}

#[test]
fn what_ansible_inventory_lists_is_read() {
    let (text, desired) = made("listed.yml");
    insta::assert_snapshot!(text);
    assert_eq!(names(&desired, Role::Broker), ["node1", "node2", "node3"]);
    assert_eq!(names(&desired, Role::LoadBalancer), ["lb1"]);
}

/// What is said of each host, by its name: which files one finds them in has no order in common.
fn hosts(desired: &rabbitup::inventory::Desired) -> Vec<String> {
    let each = |host: &rabbitup::inventory::Host| {
        format!("{} {} {:?} {:?}", host.name, host.address, host.roles, host.ssh)
    };
    let mut hosts: Vec<String> = desired.hosts.iter().map(each).collect();
    hosts.sort();
    hosts
}

/// `list.sh` has recorded what a real Ansible makes of these.
#[test]
fn what_is_read_is_what_ansible_makes_of_it() {
    for sample in ["flat.ini", "groups.ini", "datacenter/hosts", "nested/hosts.yml"] {
        let (_, own) = made(sample);
        let name = sample.replace(['/', '.'], "-");
        for form in ["json", "yml"] {
            let (text, theirs) = made(&format!("listed/{name}.{form}"));
            assert_eq!(hosts(&own), hosts(&theirs), "{sample} and its {form}\n{text}");
        }
        let order = |desired: &rabbitup::inventory::Desired| names(desired, Role::Broker);
        let (_, json) = made(&format!("listed/{name}.json"));
        assert_eq!(order(&own), order(&json), "{sample}: JSON keeps the order of joining");
    }
}

#[test]
fn files_beside_the_inventory_count_as_with_ansible() {
    let (text, desired) = made("datacenter/hosts");
    insta::assert_snapshot!(text);
    assert_eq!(names(&desired, Role::Broker), ["mq1", "mq2", "mq3"]);
    assert_eq!(desired.hosts[2].ssh.port, Some(2200), "host_vars");
    assert!(text.contains("Not read: group_vars/rabbitmq/vault.yml is encrypted"), "{text}");
    let (_, desired) = made("nested/hosts.yml");
    let node01 = desired.hosts.iter().find(|host| host.name.short() == "node01").expect("it is listed");
    assert_eq!(node01.ssh.user.as_deref(), Some("first"));
    assert!(
        node01.ssh.identity.as_ref().is_some_and(|path| path.ends_with(".ssh/rabbit")),
        "by its group's priority"
    );
}

/// A sample as an editor on Windows saves it.
#[test]
fn line_ends_and_the_mark_of_windows_change_nothing() {
    for sample in ["datacenter/hosts", "nested/hosts.yml", "listed/datacenter-hosts.json"] {
        let from = Path::new(SAMPLES).join(sample);
        let home = std::env::temp_dir().join(format!("rabbitup-windows-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&home);
        std::fs::create_dir(&home).expect("a directory");
        copy(from.parent().expect("it is in a directory"), &home);
        let theirs = made_of(&home.join(from.file_name().expect("it has a name"))).1;
        let _ = std::fs::remove_dir_all(&home);
        assert_eq!(hosts(&made(sample).1), hosts(&theirs), "{sample}");
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("it is readable").flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&to).expect("a directory");
            copy(&entry.path(), &to);
        } else {
            let text = std::fs::read_to_string(entry.path()).expect("text");
            let text = format!("\u{feff}{}", text.replace('\n', "\r\n"));
            std::fs::write(&to, text).expect("a file");
        }
    }
}
