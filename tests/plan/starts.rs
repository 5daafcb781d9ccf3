//! Brokers that do not run, and why they are started.

use rabbitup::facts::{BrokerState, Facts};
use rabbitup::rabbitmq::BootFailure;
use rabbitup::report::{Style, refusals_text};

use crate::fixtures::{INVENTORY, converged, desired, fresh, host, ids, options, planned};

/// systemd starts it again every ten seconds: it neither starts nor just does not run.
/// A node that does not say when it started is not restarted in vain: all its files would count as changed since.
#[test]
fn a_node_of_which_the_start_is_unknown_is_named_and_not_restarted() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    if let BrokerState::Running(node) = &mut host(&mut facts, "node2").broker {
        node.started = None;
    }
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    assert!(plan.steps.is_empty(), "{:?}", plan.steps);
    let notes: Vec<&str> = plan.notes.iter().map(|note| note.text.as_str()).collect();
    assert!(notes.iter().any(|note| note.starts_with("does not report when it was started")), "{notes:?}");
}

#[test]
fn a_broker_that_keeps_failing_is_started_with_the_reason_of_its_log() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    let node3 = host(&mut facts, "node3");
    node3.broker = BrokerState::Down;
    node3.boot_failure = Some(BootFailure::PortInUse);
    let unit = node3.units.get_mut("rabbitmq-server").expect("a unit");
    (unit.active, unit.sub, unit.restarts) = ("activating".to_owned(), "auto-restart".to_owned(), Some(3));
    let reason = |facts: &Facts| {
        let (plan, _) = planned(&desired, facts, &options()).expect("a plan");
        let start = plan.steps.iter().find(|step| step.title == "start rabbit@node3").expect("a start");
        start.reason.clone()
    };
    let told = "it keeps failing: a port that it needs is in use (eaddrinuse)";
    assert_eq!(reason(&facts), told);
    // Some seconds later, while systemd tries again: the same plan.
    let node3 = host(&mut facts, "node3");
    node3.broker = BrokerState::AppStopped;
    let unit = node3.units.get_mut("rabbitmq-server").expect("a unit");
    (unit.sub, unit.restarts) = ("start".to_owned(), Some(4));
    assert_eq!(reason(&facts), told);
    // A boot that has not failed is one.
    host(&mut facts, "node3").units.get_mut("rabbitmq-server").expect("a unit").restarts = Some(0);
    assert_eq!(reason(&facts), "it is starting, and may wait for the others");
}

/// A broker that is stopped for its restart would stay down.
#[test]
fn a_unit_that_is_masked_is_started_by_no_plan() {
    let desired = desired(INVENTORY);
    let masked = |facts: &mut Facts, text: &str, unit: &str| {
        host(facts, text).units.entry(unit.to_owned()).or_default().enabled = "masked".to_owned();
    };
    let mut facts = converged(&desired);
    masked(&mut facts, "lb1", "nginx");
    let (plan, _) = planned(&desired, &facts, &options()).expect("no step starts it");
    assert!(plan.is_empty(), "{:?}", ids(&plan));
    masked(&mut facts, "node2", "rabbitmq-server");
    planned(&desired, &facts, &options()).expect_err("it would not start at the next boot");

    let mut facts = fresh(&desired);
    masked(&mut facts, "lb1", "haproxy");
    let refused = planned(&desired, &facts, &options()).expect_err("it cannot be started");
    let text = refusals_text(&refused, Style::plain(100));
    assert!(
        text.contains("haproxy is masked on this host") && text.contains("systemctl unmask haproxy"),
        "{text}"
    );
}
