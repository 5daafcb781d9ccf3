use std::time::{Duration, UNIX_EPOCH};

use rabbitup::cluster::{advised, health};
use rabbitup::facts::{
    BrokerState, Facts, Observation, Partition, RunUnderWay, UnitFacts, Unreachable, UnreachableCause,
};
use rabbitup::inventory::Desired;
use rabbitup::model::{NodeName, Version};
use rabbitup::rabbitmq::BootFailure;
use rabbitup::report::{
    Size, Status, StatusDocument, Style, WatchScreen, findings_text, status_text, under_way, under_way_text,
};

use super::fixtures::{NOW, cookie, desired, facts, host, node_of, seen};

fn text(desired: &Desired, facts: &Facts, width: usize) -> String {
    let findings = health(desired, facts);
    let status = Status { desired, facts, findings: &findings, now: NOW };
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
    let status = Status { desired: &desired, facts: &facts, findings: &findings, now: NOW };
    let document = StatusDocument::from(&status);
    let json = serde_json::to_string_pretty(&document).expect("JSON");
    assert!(!json.contains(&cookie("other").to_hex()) && !json.contains(&cookie("monster").to_hex()));
    assert!(!document.healthy && document.format_version == 1);
    insta::assert_snapshot!(json.lines().take(60).collect::<Vec<_>>().join("\n"));
}

/// systemd starts it again and again, which is no start.
#[test]
fn a_broker_that_keeps_failing_is_not_starting() {
    let desired = desired(3, 1);
    let mut facts = facts(&desired, Version::new(4, 0, 5));
    let node3 = seen(&mut facts, "node3");
    node3.broker = BrokerState::Down;
    let unit = UnitFacts {
        exists: true,
        active: "activating".to_owned(),
        sub: "auto-restart".to_owned(),
        restarts: Some(2),
        ..UnitFacts::default()
    };
    node3.units.insert("rabbitmq-server".to_owned(), unit);
    let said = text(&desired, &facts, 80);
    assert!(
        said.contains("rabbit@node3  failing") && said.contains("node3: the broker keeps failing\n"),
        "{said}"
    );
    assert!(said.contains("`rabbitup doctor` shows"), "{said}");
    // While it is being started once more, its VM runs.
    let node3 = seen(&mut facts, "node3");
    node3.broker = BrokerState::AppStopped;
    node3.boot_failure = Some(BootFailure::ConfigurationUnreadable);
    node3.units.get_mut("rabbitmq-server").expect("a unit").sub = "start".to_owned();
    let said = text(&desired, &facts, 80);
    assert!(said.contains("node3: the broker keeps failing: its configuration cannot be read\n"), "{said}");
    assert!(said.contains("rabbit@node3  failing") && !said.contains("is starting"), "{said}");
    seen(&mut facts, "node3").units.get_mut("rabbitmq-server").expect("a unit").restarts = Some(0);
    assert!(text(&desired, &facts, 80).contains("it is starting"), "the first start has not failed");
}

/// It answers: to look for a network problem would be a waste of time.
#[test]
fn a_host_on_which_only_sudo_fails_is_not_unreachable() {
    let desired = desired(3, 1);
    let mut facts = facts(&desired, Version::new(4, 0, 5));
    let causes = [
        ("node2", UnreachableCause::SudoPassword, "sudo failed"),
        ("node3", UnreachableCause::TimedOut, "not inspected"),
        ("node1", UnreachableCause::NoConnection, "unreachable"),
    ];
    for (name, cause, _) in causes {
        let why = Unreachable { cause, evidence: String::new() };
        facts.hosts.insert(host(name), Observation::Unreachable(why));
    }
    let said = text(&desired, &facts, 80);
    for (name, _, state) in causes {
        assert!(said.contains(&format!("rabbit@{name}  {state}")), "{name}: {said}");
    }
    assert_eq!(said.matches("unreachable").count(), 1, "{said}");
}

/// Four new hosts are accepted with one command, not with four.
#[test]
fn unknown_host_keys_are_one_finding_with_one_command() {
    let desired = desired(3, 1);
    let mut facts = facts(&desired, Version::new(4, 0, 5));
    for name in ["node1", "node2", "node3", "lb1"] {
        let why = Unreachable { cause: UnreachableCause::HostKeyUnknown, evidence: String::new() };
        facts.hosts.insert(host(name), Observation::Unreachable(why));
    }
    let said = text(&desired, &facts, 400);
    assert!(said.contains("node1, node2, node3, lb1: the host key is unknown\n"), "{said}");
    let hosts: Vec<String> =
        desired.hosts.iter().map(|host| format!("ops@{}", host.ssh.destination)).collect();
    let command = format!(
        "`for host in {}; do ssh -n -o StrictHostKeyChecking=ask \"$host\" true; done`",
        hosts.join(" ")
    );
    assert_eq!(said.matches(&command).count(), 1, "{said}");
}

/// At 80x24 as on any other terminal.
#[test]
fn a_watched_status_keeps_its_headline_and_its_verdict_on_the_screen() {
    let desired = desired(3, 1);
    let facts = torn(&desired);
    let findings = health(&desired, &facts);
    let status = Status { desired: &desired, facts: &facts, findings: &findings, now: NOW };
    let taken = UNIX_EPOCH + Duration::from_secs(NOW);
    let screen = WatchScreen { status: &status, facts: &facts, taken, every: Duration::from_secs(5) };
    let lines = |rows, columns| screen.lines(Size { rows, columns }, Style::plain(80));
    let whole = lines(200, 80);
    insta::assert_snapshot!("watched_80x24", lines(24, 80).join("\n"));
    for rows in 1..60 {
        for columns in [40, 80, 120] {
            let shown = lines(rows, columns);
            assert!(shown.len() <= rows.into(), "{} lines in {rows} rows", shown.len());
            assert!(
                shown.iter().all(|line| console::measure_text_width(line) <= columns.into()),
                "{shown:#?}"
            );
            assert!(shown[0].starts_with("Cluster orders: 3 of 3 nodes run"), "{shown:#?}");
            assert!(rows < 2 || shown[1].starts_with("As of 14:13:20 UTC, every 5 s"), "{shown:#?}");
        }
        let shown = lines(rows, 80);
        if rows < 4
            || shown.iter().filter(|line| !line.is_empty()).eq(whole.iter().filter(|line| !line.is_empty()))
        {
            continue;
        }
        assert_eq!(shown.last(), whole.last(), "the verdict ends it");
        let note =
            shown.iter().find_map(|line| line.strip_prefix("… ")?.split_once(" left out")).expect("a note");
        let left_out: usize = note.0.split(' ').next().and_then(|n| n.parse().ok()).expect("a number");
        let all = whole.iter().filter(|line| !line.is_empty()).count();
        assert_eq!(shown.len() - 1 + left_out, all, "every line is shown or counted");
    }
}
