//! What a run took out of service it puts back, whatever becomes of the steps in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::run_fixtures::{Answer, TestHosts, begin, host, id, plan, short, step};
use super::{Event, Outcome};
use crate::balancer::Software;
use crate::operation::{BalancerState, Operation, SwitchServer};
use crate::plan::Step;

async fn events_of(steps: Vec<Step>, hosts: &Arc<TestHosts>) -> (Outcome, Vec<Event>) {
    let (report, events) = begin(plan(steps), hosts).finish().await;
    (report.outcome, events)
}

/// lb takes a server out, the broker is restarted, lb puts it back; b/2 comes after all of it.
fn out_and_in() -> Vec<Step> {
    let switch = |what: &str, after: &[&str], to: BalancerState| {
        let operation = Operation::SwitchServer(SwitchServer {
            software: Software::Haproxy,
            server: host("b"),
            to,
            moved: BTreeMap::new(),
        });
        Step { operation, ..step("lb", what, after) }
    };
    vec![
        switch("out", &[], BalancerState::Out),
        step("b", "restart", &["lb/out"]),
        switch("in", &["b/restart"], BalancerState::In),
        step("b", "2", &["lb/in"]),
    ]
}

#[tokio::test]
async fn a_server_is_put_back_if_the_step_in_between_fails() {
    let hosts = TestHosts::new(|_, what| match what {
        "restart" => Answer::Fails(1),
        _ => Answer::Ends,
    });
    let (outcome, events) = events_of(out_and_in(), &hosts).await;
    assert_eq!(outcome, Outcome::Failed);
    let words = short(&events);
    assert_eq!(
        words,
        ["+lb/out", "=lb/out", "+b/restart", "!b/restart", "#b/2<b/restart", "+lb/in", "=lb/in"]
    );
}

#[tokio::test]
async fn a_server_that_was_not_taken_out_is_not_put_back() {
    let hosts = TestHosts::new(|_, what| match what {
        "out" => Answer::Fails(1),
        _ => Answer::Ends,
    });
    let (_, events) = events_of(out_and_in(), &hosts).await;
    let words = short(&events);
    assert!(
        words.contains(&"#lb/in<lb/out".to_owned()) && !words.contains(&"+lb/in".to_owned()),
        "{words:?}"
    );
}

#[tokio::test]
async fn after_an_interrupt_servers_are_put_back() {
    for fails in [true, false] {
        let gate = Arc::new(Semaphore::new(0));
        let answer = gate.clone();
        let hosts = TestHosts::new(move |_, what| match what {
            "restart" if fails => Answer::FailsAfter(answer.clone()),
            "restart" => Answer::WaitsFor(answer.clone()),
            _ => Answer::Ends,
        });
        let mut run = begin(plan(out_and_in()), &hosts);
        run.until_started("b/restart").await;
        run.stopper.signal();
        run.until(|event| *event == Event::Interrupted { running: vec![id("b/restart")] }).await;
        gate.add_permits(1);
        let (report, events) = run.finish().await;
        assert_eq!(report.outcome, Outcome::Interrupted);
        let words = short(&events);
        assert!(words.contains(&"=lb/in".to_owned()) && !words.contains(&"+b/2".to_owned()), "{words:?}");
    }
}

/// Somebody else may be at work there.
#[tokio::test]
async fn with_a_lock_lost_nothing_is_put_back() {
    let gate = Arc::new(Semaphore::new(0));
    let answer = gate.clone();
    let hosts = TestHosts::new(move |_, what| match what {
        "restart" => Answer::WaitsFor(answer.clone()),
        _ => Answer::Ends,
    });
    let mut run = begin(plan(out_and_in()), &hosts);
    run.until_started("b/restart").await;
    run.stopper.lock_lost(host("lb"));
    run.until(|event| matches!(event, Event::LockLost { .. })).await;
    gate.add_permits(1);
    let (_, events) = run.finish().await;
    assert!(!short(&events).contains(&"+lb/in".to_owned()), "{:?}", short(&events));
}
