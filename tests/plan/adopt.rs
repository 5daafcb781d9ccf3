//! The inventory that `rabbitup adopt` writes for hosts as they are.

use std::path::Path;

use proptest::prelude::*;
use rabbitup::adopt::{Access, Adoption, BalancerHost, Broker, NamedLogin, Settled, members, settle, survey};
use rabbitup::facts::{BrokerState, Facts};
use rabbitup::model::{NodeName, NodeType, Version};
use rabbitup::playbook::Playbook;

use crate::fixtures::{INVENTORY, converged, desired, host, name, options, planned, running, written};

const CONF: &str = "/etc/rabbitmq/rabbitmq.conf";

fn begun(facts: &Facts, balancer: Option<&str>) -> Adoption {
    let node1 = facts.host(&name("node1")).expect("it was reached");
    let members = members(node1).expect("a cluster");
    let broker = |text: &str, at: u8| Broker {
        name: name(text),
        address: std::net::Ipv4Addr::new(192, 168, 0, at).into(),
        route: None,
        node_type: NodeType::Disc,
        serves_time: false,
    };
    let brokers = [("node1", 41), ("node2", 42), ("node3", 43)].map(|(text, at)| broker(text, at)).to_vec();
    let access = Access { user: Some("ops".to_owned()), ..Access::default() };
    let named: Option<NamedLogin> = balancer.map(|word| word.parse().expect("a login"));
    let balancers = named.into_iter().map(|named| BalancerHost {
        name: named.name,
        address: named.address,
        user: named.user,
        serves_time: false,
    });
    Adoption::of(access, "ops@node1", broker("node1", 41))
        .with_members(members.names, brokers)
        .with_balancers(balancers.collect())
}

fn adopted(facts: &Facts, balancer: Option<&str>) -> Settled {
    let playbook = Playbook::load("bring-up", Path::new("/nonexistent")).expect("the embedded playbook");
    let adoption = survey(begun(facts, balancer), facts);
    settle(adoption, Path::new("inventory.toml"), facts, &playbook).expect("an inventory")
}

/// A cluster whose files are somebody else's.
fn by_hand() -> Facts {
    let mut facts = converged(&desired(INVENTORY));
    for text in ["node1", "node2", "node3"] {
        let host = host(&mut facts, text);
        let conf =
            "# Ansible managed\nheartbeat = 30\ndefault_pass = not-for-you\nlisteners.tcp.default = 5672\n";
        host.files.insert(CONF.to_owned(), written(conf));
        host.files
            .insert("/etc/chrony/chrony.conf".to_owned(), written("pool 2.debian.pool.ntp.org iburst\n"));
    }
    running(&mut facts, "node2").uptime_s = Some(500);
    running(&mut facts, "node3").uptime_s = Some(100);
    facts
}

#[test]
fn what_rabbitup_made_is_taken_up_with_all_of_its_settings() {
    let facts = converged(&desired(INVENTORY));
    let found = adopted(&facts, Some("lb1=root@192.168.0.44"));
    assert!(found.outlook.is_clear(), "{}", found.text);
    insta::assert_snapshot!(found.text);
    let again = desired(&found.text);
    assert!(planned(&again, &facts, &options()).expect("a plan").0.is_empty());
}

#[test]
fn what_others_made_stays_theirs() {
    let found = adopted(&by_hand(), None);
    assert!(found.outlook.is_clear(), "{}", found.text);
    assert!(!found.text.contains("not-for-you"), "{}", found.text);
    insta::assert_snapshot!(found.text);
}

/// Its own file is compared only with the secret, which the operator has.
#[test]
fn a_secret_of_what_rabbitup_made_is_named() {
    let mut facts = converged(&desired(INVENTORY));
    for text in ["node1", "node2", "node3"] {
        let conf = "# Written by rabbitup\nheartbeat = 30\ndefault_pass = not-for-you\n";
        host(&mut facts, text).files.insert(CONF.to_owned(), written(conf));
    }
    let found = adopted(&facts, None);
    assert!(!found.text.contains("not-for-you"), "{}", found.text);
    assert!(
        found.text.contains("\n[cluster.config]\ndefault_pass = { from = \"env\", name ="),
        "{}",
        found.text
    );
    assert_eq!(found.adoption.variables(), ["RABBITUP_DEFAULT_PASS"]);
    assert!(found.text.contains("Set RABBITUP_DEFAULT_PASS before the first plan"), "{}", found.text);
}

#[test]
fn a_balancer_of_somebody_else_is_a_comment_with_what_it_would_cost() {
    let mut facts = by_hand();
    let conf =
        "frontend mq\n  bind :5672\n  default_backend mq\nbackend mq\n  server node1 192.168.0.41:5672\n";
    host(&mut facts, "lb1").files.insert("/etc/haproxy/haproxy.cfg".to_owned(), written(conf));
    let found = adopted(&facts, Some("lb1=192.168.0.44"));
    assert!(found.outlook.is_clear(), "{}", found.text);
    let told = &found.text[found.text.find("# HAProxy").expect("it is told")..];
    insta::assert_snapshot!(told);
}

#[test]
fn what_no_setting_can_express_is_announced() {
    let mut facts = by_hand();
    let own = facts.host(&name("node2")).expect("reached").resolution.clone();
    let own = own.into_keys().map(|name| (name, vec![std::net::Ipv4Addr::new(127, 0, 1, 1).into()]));
    host(&mut facts, "node2").resolution = own.collect();
    let found = adopted(&facts, None);
    let steps = found.outlook.steps.join("\n");
    assert!(steps.starts_with("node2: write the cluster's host names to /etc/hosts, because"), "{steps}");
    assert!(found.text.contains("#   node2: write the cluster's host names"), "{}", found.text);
}

/// `apt-mark hold rabbitmq-server` alone, and with Erlang.
#[test]
fn what_is_held_stays_held_and_is_told() {
    let mut facts = by_hand();
    let hold = |facts: &mut Facts, package: &str| {
        for text in ["node1", "node2", "node3"] {
            let packages = &mut host(facts, text).packages;
            let installed = packages["rabbitmq-server"].clone();
            packages.entry(package.to_owned()).or_insert(installed).held = true;
        }
    };
    hold(&mut facts, "rabbitmq-server");
    let found = adopted(&facts, None);
    assert!(found.outlook.is_clear(), "{}", found.text);
    assert!(found.text.contains("# rabbitmq-server is held on node2, node3 and node1"), "{}", found.text);
    hold(&mut facts, "erlang-base");
    let found = adopted(&facts, None);
    assert!(found.outlook.is_clear(), "{}", found.text);
    assert!(found.text.contains("\nhold = true\n"), "{}", found.text);
}

#[test]
fn what_cannot_be_adopted_is_refused_with_the_reason() {
    let refused = |change: &dyn Fn(&mut Facts)| {
        let mut facts = by_hand();
        change(&mut facts);
        let problem = members(facts.host(&name("node1")).expect("reached")).expect_err("refused");
        format!("{}: {}", problem.what, problem.cause.why.join(" "))
    };
    let hare = refused(&|facts| {
        running(facts, "node1").members[1].node = NodeName::parse("hare@node2").expect("a node");
    });
    assert!(hare.starts_with("an inventory cannot have hare@node2"), "{hare}");
    let down =
        refused(&|facts| running(facts, "node1").running.retain(|node| node.host().as_str() != "node3"));
    assert!(down.starts_with("rabbit@node3 is a member and does not run: rabbit@node1 says so"), "{down}");
    let mixed = refused(&|facts| {
        let node = running(facts, "node1");
        node.members[2].node = NodeName::parse("rabbit@node3.lan").expect("a node");
        node.running.push(node.members[2].node.clone());
    });
    assert!(mixed.starts_with("some members have a domain"), "{mixed}");
    let none = refused(&|facts| {
        host(facts, "node1").broker = BrokerState::Down;
        host(facts, "node1").packages.clear();
    });
    assert!(none.contains("rabbitmq-server is not installed"), "{none}");
    let balancer = refused(&|facts| {
        let unit = facts.host(&name("lb1")).expect("reached").unit("haproxy");
        host(facts, "node1").broker = BrokerState::Down;
        host(facts, "node1").packages.clear();
        host(facts, "node1").units.insert("haproxy".to_owned(), unit);
    });
    assert!(balancer.contains("it is a load balancer"), "{balancer}");
}

#[test]
fn the_seed_node_is_a_disc_node_that_has_run_long() {
    let mut facts = by_hand();
    for text in ["node1", "node2", "node3"] {
        let node = running(&mut facts, text);
        node.rabbitmq_version = Version::new(3, 10, 8);
        node.members.iter_mut().filter(|member| member.node.host().as_str() == "node2").for_each(|member| {
            member.node_type = NodeType::Ram;
        });
    }
    let text = adopted(&facts, None).text;
    let at = |host: &str| text.find(&format!("name = \"{host}\"")).expect("it is a host");
    assert!(at("node3") < at("node1") && at("node1") < at("node2"), "{text}");
    assert_eq!(text.matches("node_type = \"ram\"").count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever hosts say, the file is TOML, and what they say is in it as a string or a comment only.
    #[test]
    fn no_host_writes_the_file(cluster in "\\PC{0,20}|.{0,20}", key in "[a-z._\"'=\\[\\]# ]{1,12}", value in ".{0,20}", plugin in ".{1,12}") {
        let mut facts = by_hand();
        for text in ["node1", "node2", "node3"] {
            running(&mut facts, text).cluster_name.clone_from(&cluster);
            running(&mut facts, text).plugins = vec![plugin.clone()];
            host(&mut facts, text).files.insert(CONF.to_owned(), written(&format!("{key} = {value}\n")));
        }
        let text = survey(begun(&facts, None), &facts).text();
        let table: toml::Table = text.parse().map_err(|why| TestCaseError::fail(format!("{why}\n{text}")))?;
        let keys: Vec<&str> = table.keys().map(String::as_str).collect();
        prop_assert!(keys.iter().all(|key| ["cluster", "ssh", "host", "time", "hosts_file", "package"].contains(key)), "{text}");
        prop_assert_eq!(table["host"].as_array().map(Vec::len), Some(3));
    }
}
