//! One state of the hosts each, and its plan.

use std::collections::BTreeSet;

use rabbitup::facts::{
    BrokerState, Clock, ClusterMember, Configuration, CookieShape, Facts, FeatureFlags, FileFacts,
    LoadBalancerFacts, NodeData, NodeFacts, PortState, Purpose, Reach, TimeService, UnitFacts,
};
use rabbitup::model::{NodeName, NodeType, Version};
use rabbitup::plan::Limit;
use rabbitup::report::{Style, plan_text, refusals_text};

use crate::fixtures::*;
use rabbitup::operation::{InstallCookie, Operation, RestartBroker, StopCheck};

fn text(desired: &rabbitup::inventory::Desired, facts: &rabbitup::facts::Facts) -> String {
    match planned(desired, facts, &options()) {
        Ok((plan, _)) => plan_text(&plan, Style::plain(100)),
        Err(refused) => refusals_text(&refused, Style::plain(100)),
    }
}

#[test]
fn fresh_hosts() {
    let desired = desired(INVENTORY);
    insta::assert_snapshot!(text(&desired, &fresh(&desired)));
}

#[test]
fn nothing_to_do() {
    let desired = desired(INVENTORY);
    insta::assert_snapshot!(text(&desired, &converged(&desired)));
}

#[test]
fn a_cookie_that_was_copied_without_a_restart() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    start_alone(&mut facts, "node3");
    let seeds = facts.host(&name("node1")).and_then(|host| host.cookie.clone());
    host(&mut facts, "node3").cookie = seeds;
    let host = host(&mut facts, "node3");
    host.broker = BrokerState::CookieRefused;
    // As recorded by Mnesia: this node was started by its package and never joined. The cluster does not know it.
    let alone = ClusterMember { node: node("node3"), node_type: NodeType::Disc };
    host.data[0].members = vec![alone];
    unlist(&mut facts, "node3");
    insta::assert_snapshot!(text(&desired, &facts));
}

#[test]
fn a_broker_that_the_package_started_is_given_the_cookie_and_joined() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    start_alone(&mut facts, "node1");
    start_alone(&mut facts, "node2");
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    let ids = ids(&plan);
    assert!(!ids.contains(&"node1/cookie".to_owned()), "the seed node's own cookie stays: {ids:?}");
    let place =
        |id: &str| ids.iter().position(|other| other == id).unwrap_or_else(|| panic!("{id} in {ids:?}"));
    assert!(place("node2/cookie") < place("node2/restart") && place("node2/restart") < place("node2/join"));
}

/// RabbitMQ also refuses it, but only after the node was closed to clients, and without naming the flags.
#[test]
fn a_node_that_does_not_know_the_clusters_feature_flags_is_not_joined() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    let whole = running(&mut facts, "node3").clone();
    let alone = vec![ClusterMember { node: node("node3"), node_type: NodeType::Disc }];
    *running(&mut facts, "node3") = NodeFacts { members: alone, running: vec![node("node3")], ..whole };
    unlist(&mut facts, "node3");
    let flags = |names: &[&str]| names.iter().map(|flag| (*flag).to_owned()).collect::<BTreeSet<_>>();
    let (old, new) = (flags(&["quorum_queue"]), flags(&["quorum_queue", "stream_queue", "user_limits"]));
    running(&mut facts, "node1").feature_flags = FeatureFlags { known: new.clone(), enabled: new.clone() };
    running(&mut facts, "node1").rabbitmq_version = Version::new(3, 10, 9);
    let joins = |facts: &Facts| {
        planned(&desired, facts, &options())
            .is_ok_and(|(plan, _)| ids(&plan).contains(&"node3/join".to_owned()))
    };
    assert!(joins(&facts), "one that does not tell what it knows is joined");
    running(&mut facts, "node3").feature_flags = FeatureFlags { known: new, enabled: old.clone() };
    assert!(joins(&facts), "what it knows its join enables");
    running(&mut facts, "node3").feature_flags.known = old;
    insta::assert_snapshot!(text(&desired, &facts));
    running(&mut facts, "node3").rabbitmq_version = Version::new(3, 10, 10);
    assert!(joins(&facts), "a later version may have forgotten what it requires");
}

#[test]
fn a_node_with_data_is_refused_by_name_and_count() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    start_alone(&mut facts, "node1");
    give_data(&mut facts, "node1");
    start_alone(&mut facts, "node3");
    give_data(&mut facts, "node3");
    insta::assert_snapshot!(text(&desired, &facts));
    let mut options = options();
    options.destroy_data = BTreeSet::from([name("node3")]);
    let (plan, _) = planned(&desired, &facts, &options).expect("it was allowed");
    assert!(ids(&plan).contains(&"node3/join".to_owned()));
}

#[test]
fn the_broker_with_data_is_joined_even_if_it_is_not_the_first() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    start_alone(&mut facts, "node2");
    give_data(&mut facts, "node2");
    let (plan, after) = planned(&desired, &facts, &options()).expect("a plan");
    assert!(!ids(&plan).contains(&"node2/join".to_owned()));
    let joined = after.host(&name("node2")).and_then(|host| host.node()).map(|node| node.members.len());
    assert_eq!(joined, Some(3));
    assert!(plan.notes.iter().any(|note| note.text.contains("node2 has the cluster")));
}

#[test]
fn the_seed_node_stays_the_one_to_join_where_a_copied_cookie_hides_a_blank_node() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    for text in ["node1", "node2", "node3"] {
        start_alone(&mut facts, text);
    }
    cookie(&mut facts, "node3", "own-cookie-of-node1");
    host(&mut facts, "node3").broker = BrokerState::CookieRefused;
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    let ids = ids(&plan);
    assert!(ids.contains(&"node3/restart".to_owned()) && ids.contains(&"node3/join".to_owned()), "{ids:?}");
    assert!(!ids.contains(&"node1/join".to_owned()), "{ids:?}");
}

#[test]
fn a_changed_setting_restarts_members_one_at_a_time_behind_the_gate() {
    let desired = desired(INVENTORY);
    let changed = crate::fixtures::desired(&INVENTORY.replace("heartbeat = 30", "heartbeat = 60"));
    let (plan, _) = planned(&changed, &converged(&desired), &options()).expect("a plan");
    let restarts: Vec<_> = plan.steps.iter().filter(|step| step.id.as_str().ends_with("/restart")).collect();
    assert_eq!(restarts.len(), 3);
    for (before, step) in restarts.iter().zip(restarts.iter().skip(1)) {
        assert!(step.after.contains(&before.id), "{} waits for {}", step.id, before.id);
    }
    assert!(restarts.iter().all(|step| matches!(
        &step.operation,
        Operation::RestartBroker(RestartBroker { stop_check: StopCheck::QuorumCritical, .. })
    )));
}

#[test]
fn a_member_of_a_cluster_that_is_not_whole_is_not_restarted() {
    let desired = desired(INVENTORY);
    let changed = crate::fixtures::desired(&INVENTORY.replace("heartbeat = 30", "heartbeat = 60"));
    let mut facts = converged(&desired);
    for text in ["node1", "node2"] {
        if let BrokerState::Running(seen) = &mut host(&mut facts, text).broker {
            seen.running.retain(|other| other != &node("node3"));
        }
    }
    insta::assert_snapshot!(text(&changed, &facts));
}

#[test]
fn half_written_files_of_a_power_failure_are_removed() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    host(&mut facts, "node2").leftovers = vec!["/etc/chrony".to_owned(), "/var/lib/rabbitmq".to_owned()];
    insta::assert_snapshot!(text(&desired, &facts));
}

#[test]
fn a_comment_in_rabbitmq_conf_is_no_reason_to_restart() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    let conf =
        host(&mut facts, "node2").files.get_mut("/etc/rabbitmq/rabbitmq.conf").expect("it was written");
    conf.content = Some("# by hand\nheartbeat=30\n".to_owned());
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    assert_eq!(ids(&plan), Vec::<String>::new());
}

#[test]
fn a_host_that_holds_data_under_another_name_keeps_it() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    install(&mut facts, "node2");
    let host = host(&mut facts, "node2");
    host.host_name.running = "old-name".to_owned();
    host.data = vec![NodeData { node: "rabbit@old-name".to_owned(), ..NodeData::default() }];
    insta::assert_snapshot!(text(&desired, &facts));
}

#[test]
fn a_blank_broker_under_the_old_name_is_stopped_and_starts_under_the_new_one() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    start_alone(&mut facts, "node2");
    let host = host(&mut facts, "node2");
    host.host_name.running = "old-name".to_owned();
    host.data = vec![NodeData { node: "rabbit@old-name".to_owned(), ..NodeData::default() }];
    if let BrokerState::Running(node) = &mut host.broker {
        node.name = NodeName::parse("rabbit@old-name").expect("a node name");
        node.members[0].node = node.name.clone();
    }
    let (plan, after) = planned(&desired, &facts, &options()).expect("a plan");
    let ids = ids(&plan);
    let place =
        |id: &str| ids.iter().position(|other| other == id).unwrap_or_else(|| panic!("{id} in {ids:?}"));
    assert!(
        place("node2/stop") < place("node2/host-name") && place("node2/host-name") < place("node2/start")
    );
    let members = after.host(&name("node2")).and_then(|host| host.node()).map(|node| node.members.len());
    assert_eq!(members, Some(3));
}

#[test]
fn a_wiped_host_that_the_cluster_still_lists_is_refused() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    let fresh = fresh(&desired).hosts.remove(&name("node3")).expect("a fresh node3");
    facts.hosts.insert(name("node3"), fresh);
    insta::assert_snapshot!(text(&desired, &facts));
    let unit = UnitFacts { active: "activating".to_owned(), ..UnitFacts::default() };
    host(&mut facts, "node3").units.insert("rabbitmq-server".to_owned(), unit);
    let refused = text(&desired, &facts);
    assert!(refused.contains("it is starting; in a moment:"), "{refused}");
}

#[test]
fn a_broker_that_is_just_being_stopped_is_started_again() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    let node3 = host(&mut facts, "node3");
    node3.units.get_mut("rabbitmq-server").expect("a unit").active = "deactivating".to_owned();
    // A stop takes ten seconds, in most of which the node answers: a run at that time found nothing to do.
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    assert_eq!(ids(&plan), ["node3/start"]);
    let node3 = host(&mut facts, "node3");
    node3.broker = BrokerState::Unknown("epmd does not know rabbit@node3 here".to_owned());
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    assert!(ids(&plan).contains(&"node3/start".to_owned()), "{:?}", ids(&plan));
}

#[test]
fn a_cluster_whose_cookie_files_were_changed_behind_its_back_is_not_taken_apart() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    for text in ["node1", "node2", "node3"] {
        cookie(&mut facts, text, "a-cookie-that-somebody-copied-around");
        host(&mut facts, text).broker = BrokerState::CookieRefused;
    }
    insta::assert_snapshot!(text(&desired, &facts));
}

#[test]
fn containers_on_one_machine_let_the_seed_node_install_first() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    for text in ["node1", "node2", "node3", "lb1"] {
        host(&mut facts, text).system.kernel = Some("1795384739 24684084 kB".to_owned());
    }
    let waits = |facts: &rabbitup::facts::Facts| -> Vec<String> {
        let (plan, _) = planned(&desired, facts, &options()).expect("a plan");
        let installs = plan.steps.into_iter().filter(|step| step.id.as_str().ends_with("/packages"));
        installs.filter(|step| !step.after.is_empty()).map(|step| step.host.to_string()).collect()
    };
    assert_eq!(waits(&facts), ["node3", "lb1"]);
    // A hold is another step of the same phase, but not the one to wait for.
    let held = crate::fixtures::desired(&format!("{INVENTORY}[package]\nhold = true\n"));
    let (plan, _) = planned(&held, &facts, &options()).expect("a plan");
    let install = plan.steps.iter().find(|step| step.id.as_str() == "node3/packages").expect("it installs");
    assert_eq!(install.after.iter().map(ToString::to_string).collect::<Vec<_>>(), ["node1/packages"]);
    host(&mut facts, "node3").system.kernel = Some("1795380000 8000000 kB".to_owned());
    assert_eq!(waits(&facts), ["lb1"]);
}

#[test]
fn what_preflight_refuses() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    host(&mut facts, "node1").resources.disk_free_kib = Some(100 << 10);
    host(&mut facts, "node2").resources.memory_total_kib = Some(128 << 10);
    host(&mut facts, "node2").clock = Some(Clock { offset_ms: 5400.0, uncertainty_ms: 20.0 });
    host(&mut facts, "node2").time_service =
        TimeService { running: Some("systemd-timesyncd".to_owned()), synchronised: Some(true) };
    host(&mut facts, "node3").reach = vec![
        Reach { peer: name("node1"), port: 4369, purpose: Purpose::Epmd, state: PortState::Refused },
        Reach {
            peer: name("node1"),
            port: 25672,
            purpose: Purpose::Distribution,
            state: PortState::Filtered,
        },
    ];
    insta::assert_snapshot!(text(&desired, &facts));
}

#[test]
fn a_cookie_that_debian_would_replace_gives_way_on_a_blank_seed_node() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    install(&mut facts, "node1");
    host(&mut facts, "node1").cookie.as_mut().expect("a cookie").shape = CookieShape::DebianReplaces;
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    let secrets: Vec<String> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.operation {
            Operation::InstallCookie(InstallCookie { secret, .. }) => Some(secret.as_str().to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(secrets, ["new-cookie"; 3]);
}

#[test]
fn the_load_balancer_alone() {
    let desired = desired(INVENTORY);
    let mut options = options();
    options.limit = Limit::Only(BTreeSet::from([name("lb1")]));
    let (plan, _) = planned(&desired, &fresh(&desired), &options).expect("a plan");
    insta::assert_snapshot!(plan_text(&plan, Style::plain(100)));
}

#[test]
fn a_joiner_alone_before_the_seed_node_is_up() {
    let desired = desired(INVENTORY);
    let mut options = options();
    options.limit = Limit::Only(BTreeSet::from([name("node2")]));
    let refused = planned(&desired, &fresh(&desired), &options).expect_err("nobody to join");
    insta::assert_snapshot!(refusals_text(&refused, Style::plain(100)));
}

/// All hosts are right, and this machine is not: it would be wrong to send the operator to the hosts.
#[test]
fn a_clock_that_is_off_here_is_no_hosts_fault() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    let off = |offset_ms| Some(Clock { offset_ms, uncertainty_ms: 20.0 });
    for (at, text) in ["node1", "node2", "node3", "lb1"].into_iter().enumerate() {
        let host = host(&mut facts, text);
        host.clock = off(-3_600_000.0 + 40.0 * f64::from(u8::try_from(at).expect("a few")));
        host.time_service = TimeService { running: Some("chrony".to_owned()), synchronised: Some(true) };
    }
    insta::assert_snapshot!(text(&desired, &facts));
    host(&mut facts, "node2").clock = off(3_000.0);
    let told = text(&desired, &facts);
    assert!(told.contains("node2: the clock is 3.0 s ahead") && !told.contains("all 4 hosts"), "{told}");
    host(&mut facts, "node2").clock = off(0.0);
    assert!(!text(&desired, &facts).contains("all 4 hosts"));
}

/// The previous balancer is stopped if rabbitup configured it; a foreign one keeps running.
#[test]
fn every_other_balancer_of_ours_is_stopped() {
    let desired = desired(&INVENTORY.replace("[load_balancer]", "[load_balancer]\nsoftware = \"nginx\""));
    let mut facts = converged(&desired);
    let lb1 = host(&mut facts, "lb1");
    let running = UnitFacts {
        exists: true,
        active: "active".to_owned(),
        enabled: "enabled".to_owned(),
        ..UnitFacts::default()
    };
    lb1.units.insert("haproxy".to_owned(), running);
    let conf = lb1.files["/etc/nginx/nginx.conf"].clone();
    for (content, stops) in [("# Written by rabbitup\n", true), ("# theirs\n", false)] {
        let mut facts = facts.clone();
        let theirs = FileFacts { content: Some(content.to_owned()), ..conf.clone() };
        host(&mut facts, "lb1").files.insert("/etc/haproxy/haproxy.cfg".to_owned(), theirs);
        let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
        assert_eq!(ids(&plan).contains(&"lb1/make-room".to_owned()), stops, "{:?}", ids(&plan));
    }
}

/// Starting or writing something else on the balancer's host does not make HAProxy read its file.
#[test]
fn a_changed_balancer_is_reloaded_whatever_else_happens_on_its_host() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    let lb1 = host(&mut facts, "lb1");
    lb1.load_balancer =
        Some(LoadBalancerFacts { runs_with: Some(Configuration::Earlier), ..LoadBalancerFacts::default() });
    lb1.units
        .insert("chrony".to_owned(), UnitFacts { active: "inactive".to_owned(), ..UnitFacts::default() });
    lb1.time_service = TimeService::default();
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    let ids = ids(&plan);
    for step in ["lb1/chrony", "lb1/balancer-reload"] {
        assert!(ids.contains(&step.to_owned()), "{step} in {ids:?}");
    }
}

/// Khepri records no members where they can be read: whether a stopped node is one shows once it runs, and a join that is not needed must
/// not be in a plan.
#[test]
fn a_stopped_cluster_with_khepri_is_started_and_nothing_is_joined() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    for text in ["node1", "node2", "node3"] {
        let there = host(&mut facts, text);
        there.broker = BrokerState::Down;
        there.units.get_mut("rabbitmq-server").expect("it is installed").active = "inactive".to_owned();
        there.data[0].members.clear();
    }
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    assert_eq!(ids(&plan), ["node1/start", "node2/start", "node3/start"]);
}
