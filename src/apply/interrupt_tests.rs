//! What a signal or a lost lock leaves undone.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::run_fixtures::{Answer, Begun, TestHosts, begin, closed_gate, ends, host, id, plan, short, step};
use super::{Event, Outcome};

/// A run of a/1 (which waits for the gate), a/2, and b/1 after a/1; it has come to a/1.
async fn run_to_a_gate() -> (Begun, Arc<TestHosts>, Arc<Semaphore>) {
    let gate = closed_gate();
    let answer = gate.clone();
    let hosts = TestHosts::new(move |_, what| match what {
        "1" => Answer::WaitsFor(answer.clone()),
        _ => Answer::Ends,
    });
    let steps = vec![step("a", "1", &[]), step("a", "2", &[]), step("b", "1", &["a/1"])];
    let mut run = begin(plan(steps), &hosts);
    run.until_started("a/1").await;
    (run, hosts, gate)
}

#[tokio::test]
async fn the_first_signal_lets_the_current_step_end_and_starts_nothing() {
    let (mut run, hosts, gate) = run_to_a_gate().await;
    run.stopper.signal();
    run.until(|event| *event == Event::Interrupted { running: vec![id("a/1")] }).await;
    hosts.stops.subscribe().wait_for(|stops| *stops == 1).await.expect("it is put");
    gate.add_permits(1);
    let (report, events) = run.finish().await;
    assert_eq!(report.outcome, Outcome::Interrupted);
    assert_eq!(short(&events), ["+a/1", "=a/1", "-a/2", "-b/1"]);
    assert!(hosts.stop_files.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_second_signal_abandons_what_runs() {
    let (mut run, hosts, _gate) = run_to_a_gate().await;
    run.stopper.signal();
    hosts.stops.subscribe().wait_for(|stops| *stops == 1).await.expect("it is put");
    run.stopper.signal();
    run.until(|event| *event == Event::Abandoned { running: vec![id("a/1"), id("a/2")] }).await;
    let (report, events) = run.finish().await;
    assert_eq!(report.outcome, Outcome::Interrupted);
    assert_eq!(short(&events), ["+a/1", "-b/1"]);
}

#[tokio::test]
async fn a_lost_lock_stops_a_run_and_is_no_interrupt() {
    let (mut run, _, gate) = run_to_a_gate().await;
    run.stopper.lock_lost(host("b"));
    run.until(|event| *event == Event::LockLost { host: host("b"), running: vec![id("a/1")] }).await;
    gate.add_permits(2);
    let (report, events) = run.finish().await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(short(&events).contains(&"-b/1".to_owned()));
}

#[tokio::test]
async fn a_stop_file_that_the_script_never_saw_is_removed() {
    let gate = closed_gate();
    let answer = gate.clone();
    let hosts = TestHosts::new(move |_, _| Answer::FailsAfter(answer.clone()));
    let mut run = begin(plan(vec![step("a", "1", &[]), step("a", "2", &[])]), &hosts);
    run.until_started("a/1").await;
    run.stopper.signal();
    hosts.stops.subscribe().wait_for(|stops| *stops == 1).await.expect("it is put");
    gate.add_permits(1);
    let (_, events) = run.finish().await;
    assert_eq!(short(&events), ["+a/1", "!a/1", "#a/2<a/1"]);
    assert!(hosts.stop_files.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_stop_before_the_start_starts_nothing() {
    let hosts = ends();
    let run = begin(plan(vec![step("a", "1", &[])]), &hosts);
    run.stopper.signal();
    let (report, events) = run.finish().await;
    assert_eq!(report.outcome, Outcome::Interrupted);
    assert_eq!(short(&events), ["-a/1"]);
    assert!(hosts.scripts().is_empty());
}
