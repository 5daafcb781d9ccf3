use std::time::{Duration, UNIX_EPOCH};

use rabbitup::cluster::{advised, health};
use rabbitup::facts::{
    BrokerState, Facts, Observation, Partition, RunUnderWay, Unreachable, UnreachableCause,
};
use rabbitup::inventory::Desired;
use rabbitup::model::{DigestKey, NodeName, Version};
use rabbitup::report::{
    Status, StatusDocument, Style, findings_text, status_text, under_way, under_way_text,
};

use super::fixtures::{NOW, cookie, desired, facts, host, node_of, seen};

fn text(desired: &Desired, facts: &Facts, width: usize) -> String {
    let findings = health(desired, facts);
    let status = Status { desired, facts, findings: &findings, now: NOW, key: DigestKey::fixed(7) };
    status_text(&status, Style::plain(width))
}

fn node_name(name: &str) -> NodeName {
    NodeName::rabbit(&host(name))
}

#[test]
fn healthy_on_both_releases() {
    let desired = desired(3, 1);
    let old = facts(&desired, Version::new(3, 10, 8));
    insta::assert_snapshot!("healthy_3_10_at_80", text(&desired, &old, 80));
    insta::assert_snapshot!("healthy_3_10_at_120", text(&desired, &old, 120));
    let new = facts(&desired, Version::new(4, 0, 5));
    insta::assert_snapshot!("healthy_4_0_at_80", text(&desired, &new, 80));
}

/// Node 3 on the other side of a partition, with a wrong cookie beside it and an alarm.
fn torn(desired: &Desired) -> Facts {
    let mut facts = facts(desired, Version::new(3, 10, 8));
    for name in ["node1", "node2"] {
        node_of(&mut facts, name).running.retain(|node| node != &node_name("node3"));
        node_of(&mut facts, name).partitions =
            vec![Partition { node: node_name(name), from: node_name("node3") }];
    }
    node_of(&mut facts, "node3").running = vec![node_name("node3")];
    node_of(&mut facts, "node1").alarms = vec!["disk on rabbit@node1".to_owned()];
    let backend = seen(&mut facts, "lb1").load_balancer.as_mut().expect("a load balancer");
    for server in backend.backends.iter_mut().filter(|server| server.server == "node3") {
        (server.status, server.check) = ("DOWN".to_owned(), "L4CON".to_owned());
    }
    facts
}

#[test]
fn a_partitioned_cluster() {
    let desired = desired(3, 1);
    insta::assert_snapshot!("partitioned_80", text(&desired, &torn(&desired), 80));
    insta::assert_snapshot!("partitioned_120", text(&desired, &torn(&desired), 120));
}

#[test]
fn nodes_that_disagree_and_do_not_answer() {
    let desired = desired(5, 1);
    let mut facts = facts(&desired, Version::new(4, 0, 5));
    node_of(&mut facts, "node3").members.retain(|member| member.node == node_name("node3"));
    node_of(&mut facts, "node3").running = vec![node_name("node3")];
    seen(&mut facts, "node2").broker = BrokerState::CookieRefused;
    seen(&mut facts, "node2").cookie.as_mut().expect("a cookie").normalised = cookie("other");
    seen(&mut facts, "node5").broker = BrokerState::Down;
    let why = Unreachable {
        cause: UnreachableCause::NoConnection,
        evidence: "ssh: connect to host 192.168.0.44 port 22: Connection timed out".to_owned(),
    };
    facts.hosts.insert(host("node4"), Observation::Unreachable(why));
    insta::assert_snapshot!("disagreeing_80", text(&desired, &facts, 80));
}

#[test]
fn fifty_hosts_at_80_columns() {
    let desired = desired(49, 1);
    let mut facts = facts(&desired, Version::new(4, 0, 5));
    node_of(&mut facts, "node7").rabbitmq_version = Version::new(4, 0, 3);
    for name in ["node3", "node8"] {
        seen(&mut facts, name).time_service.synchronised = Some(false);
    }
    let text = text(&desired, &facts, 80);
    assert!(text.lines().all(|line| console::measure_text_width(line) <= 80), "{text}");
    insta::assert_snapshot!("fifty_80", text);
}

#[test]
fn during_a_run_status_names_it_and_advises_waiting() {
    let desired = desired(3, 1);
    let mut facts = torn(&desired);
    for (host, age) in [("node1", 61), ("node2", 62)] {
        seen(&mut facts, host).under_way =
            RunUnderWay::parse(&format!("{age}\t0\tann@desk\t7\trolling-restart\t9"));
    }
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    let findings = advised(health(&desired, &facts), &facts);
    let text = under_way_text(&facts, now) + &findings_text(&findings, Style::plain(80));
    insta::assert_snapshot!("under_way_80", text);
    let runs = under_way(&facts);
    assert_eq!((runs.len(), runs[0].hosts.len(), runs[0].age_s), (1, 2, Some(62)));
    // A run that has ended, and its last step.
    let mut facts = torn(&desired);
    seen(&mut facts, "node3").at_work = Some(4711);
    assert_eq!(
        under_way_text(&facts, now),
        "A step of an interrupted run is still running on node3 (process 4711)\n"
    );
    assert_eq!(advised(health(&desired, &facts), &facts), health(&desired, &facts));
    assert_eq!(under_way_text(&torn(&desired), now), "");
}

#[test]
fn json_has_a_version_and_no_cookie() {
    let desired = desired(3, 1);
    let mut facts = torn(&desired);
    seen(&mut facts, "node2").cookie.as_mut().expect("a cookie").normalised = cookie("other");
    let findings = health(&desired, &facts);
    let status =
        Status { desired: &desired, facts: &facts, findings: &findings, now: NOW, key: DigestKey::fixed(7) };
    let document = StatusDocument::from(&status);
    let json = serde_json::to_string_pretty(&document).expect("JSON");
    assert!(!json.contains(&cookie("other").to_hex()) && !json.contains(&cookie("monster").to_hex()));
    assert!(!document.healthy && document.format_version == 1);
    insta::assert_snapshot!(json.lines().take(60).collect::<Vec<_>>().join("\n"));
}
