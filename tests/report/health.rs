use rabbitup::facts::{Clock, CookieShape, Facts, TimeService};
use rabbitup::model::{NodeName, Version};
use rabbitup::report::{Finding, Severity, Style, findings_text, health, is_healthy};

use super::fixtures::{cookie, desired, facts, host, node_of, seen};

/// What is found after one thing went wrong in a healthy cluster.
fn after(change: impl FnOnce(&mut Facts)) -> Vec<Finding> {
    let desired = desired(3, 1);
    let mut facts = facts(&desired, Version::new(4, 0, 5));
    change(&mut facts);
    health(&desired, &facts)
}

fn only(findings: Vec<Finding>, severity: Severity, at: Option<&str>, part: &str) {
    let [finding] = findings.as_slice() else { panic!("one finding, not {findings:#?}") };
    assert_eq!((finding.severity, &finding.host), (severity, &at.map(host)));
    assert!(finding.what.contains(part), "{}", finding.what);
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    assert_eq!(after(|_| {}), []);
}

#[test]
fn one_fault_is_one_finding() {
    let (error, warning, note) = (Severity::Error, Severity::Warning, Severity::Note);
    only(
        after(|f| seen(f, "node1").time_service.synchronised = Some(false)),
        warning,
        Some("node1"),
        "not synchronised",
    );
    let off = Clock { offset_ms: -300.0, uncertainty_ms: 10.0 };
    only(after(|f| seen(f, "lb1").clock = Some(off)), error, Some("lb1"), "-300 ms off");
    let unsure = Clock { offset_ms: -300.0, uncertainty_ms: 90.0 };
    assert_eq!(after(|f| seen(f, "lb1").clock = Some(unsure)), []);
    only(after(|f| node_of(f, "node2").maintenance = true), warning, Some("node2"), "maintenance");
    let flags = |f: &mut Facts| node_of(f, "node2").disabled_feature_flags = vec!["khepri_db".to_owned()];
    only(after(flags), note, Some("node2"), "khepri_db");
    only(
        after(|f| node_of(f, "node2").rabbitmq_version.patch = 6),
        warning,
        None,
        "4.0.5 on node1, node3; 4.0.6 on node2",
    );
    let amqp = |f: &mut Facts| seen(f, "lb1").load_balancer.as_mut().expect("one").amqp_answers = Some(false);
    only(after(amqp), error, Some("lb1"), "no answer through haproxy on port 5672");
    only(
        after(|f| node_of(f, "node2").links.truncate(1)),
        warning,
        Some("node2"),
        "counts rabbit@node3 as running",
    );
    only(after(|f| seen(f, "lb1").load_balancer = None), error, Some("lb1"), "haproxy does not run");
}

#[test]
fn cookies_are_compared_three_ways() {
    let file = |f: &mut Facts, text: &str| {
        let file = seen(f, "node2").cookie.as_mut().expect("a cookie");
        (file.raw, file.normalised) = (cookie(text), cookie(text));
    };
    only(after(|f| file(f, "other")), Severity::Error, Some("node2"), "differs from node1's");
    let running = |f: &mut Facts| node_of(f, "node2").cookie = Some(cookie("old"));
    only(after(running), Severity::Error, Some("node2"), "another cookie than its file");
    let raw =
        |f: &mut Facts| seen(f, "node2").cookie.as_mut().expect("a cookie").raw = cookie("with a newline");
    only(after(raw), Severity::Note, Some("node2"), "line end");
    let mode = |f: &mut Facts| seen(f, "node2").cookie.as_mut().expect("a cookie").mode = 0o440;
    only(after(mode), Severity::Error, Some("node2"), "mode 0440");
    let owner = |f: &mut Facts| seen(f, "node2").cookie.as_mut().expect("a cookie").owner = "root".to_owned();
    only(after(owner), Severity::Error, Some("node2"), "belongs to root");
    let shape = |f: &mut Facts| {
        seen(f, "node2").cookie.as_mut().expect("a cookie").shape = CookieShape::DebianReplaces;
    };
    only(after(shape), Severity::Warning, Some("node2"), "20 upper-case");
}

#[test]
fn a_member_that_the_inventory_does_not_know_is_drift() {
    let old = NodeName::parse("rabbit@old").expect("a node name");
    let found = after(|f| {
        for name in ["node1", "node2", "node3"] {
            let node = node_of(f, name);
            let mut member = node.members[0].clone();
            member.node = old.clone();
            node.members.push(member);
        }
    });
    assert!(is_healthy(&found));
    only(found, Severity::Warning, None, "rabbit@old is a member of the cluster and not in the inventory");
}

#[test]
fn equal_findings_share_a_block() {
    let found = after(|f| {
        for name in ["node1", "node2", "node3", "lb1"] {
            seen(f, name).time_service = TimeService::default();
        }
    });
    insta::assert_snapshot!(findings_text(&found, Style::plain(80)), @r"
    warning: node1, node2, node3, lb1: no time service runs
      next: `rabbitup up` installs and starts one
    ");
}
