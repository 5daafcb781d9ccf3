use rabbitup::inventory::{StarterError, starter};
use rabbitup::model::Role;

use super::load;

#[test]
fn a_starter_inventory_loads_without_warnings() {
    let text = starter(
        &["node1=192.168.0.41", "node2=192.168.0.42", "node3=ops@192.168.0.43", "lb1=192.168.0.44"],
        None,
    )
    .expect("a starter");
    insta::assert_snapshot!(text);
    let loaded = load(&text).unwrap_or_else(|report| panic!("{report}"));
    assert!(loaded.warnings.is_empty());
    assert_eq!(loaded.desired.brokers().count(), 3);
    assert_eq!(loaded.desired.with_role(Role::LoadBalancer).count(), 1);
    assert_eq!(loaded.desired.hosts[2].ssh.user.as_deref(), Some("ops"));
}

/// What stands behind `# ` is a setting if it reads like one: `# admin = …`, `# [time]`.
fn uncommented(text: &str) -> String {
    let is_setting = |line: &str| {
        let key = line.split_once(" = ").map_or("", |(key, _)| key);
        (line.starts_with('[') && line.ends_with(']'))
            || (!key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
    };
    let line = |line: &str| match line.strip_prefix("# ") {
        Some(setting) if is_setting(setting) => format!("{setting}\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// With an administrator, all it takes to log in is the variable.
#[test]
fn an_administrator_that_is_named_is_in_force() {
    let admin = "boss".parse().expect("a name");
    let text = starter(&["192.168.0.41"], Some(&admin)).expect("a starter");
    let options = rabbitup::inventory::Options { secrets: rabbitup::inventory::SecretPolicy::Tolerate };
    let path = std::path::Path::new("tests/inventory/inventory.toml");
    let loaded = rabbitup::inventory::load_text(path, &text, options).expect("an inventory");
    assert_eq!(loaded.desired.cluster.admin.map(|admin| admin.user).as_deref(), Some("boss"));
    assert!(text.contains("export RABBITUP_ADMIN_PASSWORD=…\nadmin = {"), "{text}");
    for wrong in ["", "-x", "a b", "a\"b"] {
        assert!(wrong.parse::<rabbitup::inventory::Admin>().is_err(), "{wrong}");
    }
}

#[test]
fn every_setting_in_a_comment_is_valid_without_its_hash() {
    let text = uncommented(&starter(&["node1=192.168.0.41", "lb1=192.168.0.44"], None).expect("a starter"));
    let options = rabbitup::inventory::Options { secrets: rabbitup::inventory::SecretPolicy::Tolerate };
    let path = std::path::Path::new("tests/inventory/inventory.toml");
    let loaded = rabbitup::inventory::load_text(path, &text, options).unwrap_or_else(|errors| {
        panic!("{text}\n{}", errors.render(100, rabbitup::document::Graphics::Ascii))
    });
    let cluster = &loaded.desired.cluster;
    assert_eq!(cluster.admin.as_ref().map(|admin| admin.user.as_str()), Some("admin"));
    assert_eq!(loaded.desired.time.servers.len(), 1);
    assert_eq!(loaded.desired.hosts[0].ssh.user.as_deref(), Some("ops"));
}

#[test]
fn every_form_of_a_host_is_understood() {
    for hosts in [
        vec!["10.0.0.1"],
        vec!["ops@10.0.0.1", "10.0.0.2"],
        vec!["a.example.com=fd00::1"],
        vec!["lb1=10.0.0.1", "10.0.0.2"],
    ] {
        let text = starter(&hosts, None).expect("a starter");
        load(&text).unwrap_or_else(|report| panic!("{hosts:?}\n{text}\n{report}"));
    }
}

#[test]
fn invalid_hosts_are_reported() {
    let refused = |hosts: &[&str]| starter(hosts, None).expect_err("refused").to_string();
    assert_eq!(starter::<&str>(&[], None), Err(StarterError::NoHost));
    assert_eq!(starter(&["lb1=10.0.0.1"], None), Err(StarterError::NoBroker));
    assert!(refused(&["node1"]).contains("`node1` has no address"));
    assert!(refused(&["node_1=10.0.0.1"]).contains("'_' is not allowed in a host name"));
    assert!(refused(&["10.0.0.1", "10.0.0.1"]).contains("two hosts have the address"));
    assert!(refused(&["a=10.0.0.1", "a=10.0.0.2"]).contains("two hosts have the name"));
    assert!(refused(&["-x@10.0.0.1"]).contains("the login"));
    assert!(refused(&["a.b=10.0.0.1", "c=10.0.0.2"]).contains("has a domain"));
}
