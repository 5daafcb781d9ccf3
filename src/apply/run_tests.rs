use std::sync::Arc;

use proptest::prelude::*;

use super::run_fixtures::{
    Answer, TestHosts, begin, begin_at_once, closed_gate, ends, host, id, install_cookie, plan, short, step,
};
use super::schedule_tests::any_plan;
use super::{Event, FailureKind, Outcome, StepFailure};
use crate::firewall::Software;
use crate::model::{SecretName, SecretSource};
use crate::operation::{KeepOpenings, Operation};
use crate::plan::{Plan, Step};

async fn events_of(steps: Vec<Step>, hosts: &Arc<TestHosts>) -> (Outcome, Vec<Event>) {
    let (report, events) = begin(plan(steps), hosts).finish().await;
    (report.outcome, events)
}

fn position(words: &[String], word: &str) -> usize {
    words.iter().position(|other| other == word).unwrap_or_else(|| panic!("{word} in {words:?}"))
}

fn failure(events: &[Event], step: &str) -> StepFailure {
    let found = events.iter().find_map(|event| match event {
        Event::StepFailed { step: failed, failure, .. } if *failed == id(step) => Some(failure.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{step} failed in {events:?}"))
}

#[tokio::test]
async fn an_empty_plan_is_done_at_once() {
    let (outcome, events) = events_of(vec![], &ends()).await;
    assert_eq!((outcome, events.len()), (Outcome::Done, 2));
}

#[tokio::test]
async fn the_order_holds_and_a_barrier_costs_one_script_per_host_that_waits() {
    let hosts = ends();
    let steps = vec![
        step("a", "1", &[]),
        step("a", "2", &[]),
        step("b", "1", &[]),
        step("b", "2", &["a/2"]),
        step("b", "3", &[]),
        step("a", "3", &["b/3"]),
    ];
    let (outcome, events) = events_of(steps, &hosts).await;
    assert_eq!(outcome, Outcome::Done);
    let words = short(&events);
    assert!(position(&words, "=a/2") < position(&words, "+b/2"));
    assert!(position(&words, "=b/3") < position(&words, "+a/3"));
    let mut scripts = hosts.scripts();
    scripts.sort();
    assert_eq!(scripts, ["a: 1 2", "a: 3", "b: 1", "b: 2 3"]);
}

#[tokio::test]
async fn hosts_do_not_wait_for_hosts_they_need_not_wait_for() {
    let gate = closed_gate();
    let answer = gate.clone();
    let hosts = TestHosts::new(move |host, _| match host {
        "a" => Answer::WaitsFor(answer.clone()),
        _ => Answer::Ends,
    });
    let mut run =
        begin(plan(vec![step("a", "1", &[]), step("b", "1", &[]), step("c", "1", &["b/1"])]), &hosts);
    run.until_succeeded("c/1").await;
    gate.add_permits(1);
    assert_eq!(run.finish().await.0.outcome, Outcome::Done);
}

#[tokio::test]
async fn a_dependant_starts_before_the_script_it_waits_for_has_ended() {
    let gate = closed_gate();
    let answer = gate.clone();
    let hosts = TestHosts::new(move |_, what| match what {
        "2" => Answer::WaitsFor(answer.clone()),
        _ => Answer::Ends,
    });
    let steps = vec![step("a", "1", &[]), step("a", "2", &[]), step("b", "1", &["a/1"])];
    let mut run = begin(plan(steps), &hosts);
    run.until_succeeded("b/1").await;
    gate.add_permits(1);
    let (report, events) = run.finish().await;
    assert_eq!(report.outcome, Outcome::Done);
    let words = short(&events);
    assert!(position(&words, "=b/1") < position(&words, "=a/2"));
}

#[tokio::test]
async fn a_host_whose_script_still_runs_gets_no_second_one() {
    let gate = closed_gate();
    let answer = gate.clone();
    let hosts = TestHosts::new(move |host, what| match (host, what) {
        ("a", "1") => Answer::EndsThenWaitsFor(answer.clone()),
        _ => Answer::Ends,
    });
    let steps = vec![step("a", "1", &[]), step("b", "1", &["a/1"]), step("a", "2", &["b/1"])];
    let mut run = begin(plan(steps), &hosts);
    run.until_succeeded("b/1").await;
    assert_eq!(hosts.scripts(), ["a: 1", "b: 1"]);
    gate.add_permits(1);
    assert_eq!(run.finish().await.0.outcome, Outcome::Done);
}

#[tokio::test]
async fn a_failure_blocks_its_dependants_and_nothing_else() {
    let hosts = TestHosts::new(|host, what| match (host, what) {
        ("a", "2") => Answer::Fails(3),
        _ => Answer::Ends,
    });
    let steps = vec![
        step("a", "1", &[]),
        step("a", "2", &[]),
        step("a", "3", &[]),
        step("b", "1", &["a/3"]),
        step("c", "1", &["a/1"]),
    ];
    let (report, events) = begin(plan(steps), &hosts).finish().await;
    assert_eq!(report.outcome, Outcome::Failed);
    let mut words = short(&events);
    words.sort();
    assert_eq!(words, ["!a/2", "#a/3<a/2", "#b/1<a/2", "+a/1", "+a/2", "+c/1", "=a/1", "=c/1"]);
    let tally = report.hosts[&host("a")];
    assert_eq!((tally.done, tally.failed, tally.blocked, tally.skipped), (1, 1, 1, 0));
}

#[tokio::test]
async fn a_failure_contains_the_steps_output() {
    let lines = [
        "\u{1b}[31mred\u{1b}[0m\tline",
        "NONCE cause a/1 disk full",
        "NONCE advice a/1 free some",
        "no end of line",
    ];
    let mut lines: Vec<String> = lines.map(str::to_owned).to_vec();
    lines.extend((0..30).map(|n| format!("{n} {}", "x".repeat(600))));
    let hosts = TestHosts::new(move |_, _| Answer::Prints(lines.clone(), 5));
    let (_, events) = events_of(vec![step("a", "1", &[])], &hosts).await;
    let failure = failure(&events, "a/1");
    assert_eq!((failure.kind, failure.code), (FailureKind::Command, Some(5)));
    assert_eq!(failure.cause.why_text().as_deref(), Some("disk full"));
    assert_eq!(failure.cause.advice_text().as_deref(), Some("free some"));
    assert_eq!(failure.output.len(), 20);
    assert!(failure.output.iter().all(|line| line.chars().count() == 500 && line.ends_with("characters)")));
    let first = events.iter().find_map(|event| match event {
        Event::StepOutput { line, .. } => Some(line.as_str()),
        _ => None,
    });
    assert_eq!(first, Some("red    line"));
}

#[tokio::test]
async fn a_step_without_an_end_has_failed() {
    let hosts = TestHosts::new(|_, what| match what {
        "2" => Answer::Dies("sh: out of memory\n".to_owned()),
        _ => Answer::Ends,
    });
    let steps = vec![step("a", "1", &[]), step("a", "2", &[]), step("a", "3", &[])];
    let (_, events) = events_of(steps, &hosts).await;
    assert_eq!(short(&events), ["+a/1", "=a/1", "+a/2", "!a/2", "#a/3<a/2"]);
    let failure = failure(&events, "a/2");
    assert_eq!((failure.kind, failure.code), (FailureKind::Command, Some(2)));
    assert_eq!(failure.output, ["sh: out of memory"]);
}

#[tokio::test]
async fn lost_connections_and_timeouts_say_how_to_go_on() {
    for (answer, kind) in [
        (Answer::Lost, FailureKind::ConnectionLost),
        (Answer::TimesOut, FailureKind::GivenUp),
        (Answer::Fails(124), FailureKind::TimedOut),
        (Answer::Fails(137), FailureKind::TimedOut),
    ] {
        let hosts = TestHosts::new(move |_, _| answer.clone());
        let (outcome, events) = events_of(vec![step("a", "1", &[])], &hosts).await;
        assert_eq!(outcome, Outcome::Failed);
        let failure = failure(&events, "a/1");
        assert_eq!(failure.kind, kind);
        assert!(failure.cause.advice_text().unwrap_or_default().starts_with("run the same command again: "));
    }
}

#[tokio::test]
async fn a_script_that_is_given_up_starts_no_further_step() {
    let hosts = TestHosts::new(|_, _| Answer::TimesOut);
    events_of(vec![step("a", "1", &[]), step("a", "2", &[])], &hosts).await;
    assert_eq!(*hosts.stops.borrow(), 1);
}

#[tokio::test]
async fn a_task_that_breaks_is_a_failure_and_no_hang() {
    let hosts = TestHosts::new(|host, _| if host == "a" { Answer::Panics } else { Answer::Ends });
    let (outcome, events) = events_of(vec![step("a", "1", &[]), step("b", "1", &[])], &hosts).await;
    assert_eq!(outcome, Outcome::Failed);
    assert!(short(&events).contains(&"=b/1".to_owned()) && short(&events).contains(&"!a/1".to_owned()));
}

#[tokio::test]
async fn a_cyclic_plan_runs_nothing() {
    let hosts = ends();
    let cyclic = plan(vec![step("a", "1", &["b/1"]), step("b", "1", &["a/1"])]);
    assert!(begin(cyclic, &hosts).end.await.expect("no panic").is_err());
    assert!(hosts.scripts().is_empty());
}

#[tokio::test]
async fn no_more_hosts_at_once_than_allowed() {
    let hosts = ends();
    let steps = ["a", "b", "c", "d", "e"].map(|name| step(name, "1", &[])).to_vec();
    let (report, _) = begin_at_once(plan(steps), &hosts, 2).finish().await;
    assert_eq!(report.outcome, Outcome::Done);
    assert_eq!(hosts.at_once.lock().unwrap().0, 2);
}

fn with_cookie_of(host_name: &str, steps: Vec<Step>) -> Plan {
    let mut plan = plan(steps);
    plan.secrets.insert(SecretName::cookie(), SecretSource::HostCookie(host(host_name)));
    plan
}

#[tokio::test]
async fn a_host_cookie_is_read_after_that_hosts_earlier_steps() {
    let hosts = ends();
    hosts.put_cookie("a", "", "MONSTERmonster");
    let steps = vec![step("a", "1", &[]), install_cookie("a", &[]), install_cookie("b", &["a/1"])];
    let (report, _) = begin(with_cookie_of("a", steps), &hosts).finish().await;
    assert_eq!(report.outcome, Outcome::Done);
    let mut scripts = hosts.scripts();
    scripts.sort();
    assert_eq!(scripts, ["a: 1", "a: cookie", "b: cookie"]);
}

#[tokio::test]
async fn a_missing_secret_fails_its_step_and_not_the_steps_before() {
    let hosts = ends();
    let steps = vec![step("b", "1", &[]), install_cookie("b", &[]), step("b", "2", &[])];
    let (report, events) = begin(with_cookie_of("a", steps), &hosts).finish().await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(short(&events), ["+b/1", "=b/1", "!b/cookie", "#b/2<b/cookie"]);
    let failure = failure(&events, "b/cookie");
    assert_eq!(failure.kind, FailureKind::SecretMissing);
    assert_eq!(failure.cause.why_text().as_deref(), Some("the cookie on a could not be read: No such file"));
}

#[tokio::test]
async fn a_secret_that_a_step_prints_is_not_passed_on() {
    let hosts = TestHosts::new(|_, _| Answer::Prints(vec!["set -x: MONSTERmonster".to_owned()], 1));
    hosts.put_cookie("a", "", "MONSTERmonster");
    let (_, events) = begin(with_cookie_of("a", vec![install_cookie("b", &[])]), &hosts).finish().await;
    assert_eq!(failure(&events, "b/cookie").output, ["set -x: ••••"]);
    assert!(!format!("{events:?}").contains("MONSTER"));
}

/// How often a step's fate is told: exactly once.
fn fates(events: &[Event], wanted: &Step) -> usize {
    let tells = |event: &&Event| match event {
        Event::StepSucceeded { step, .. }
        | Event::StepFailed { step, .. }
        | Event::StepBlocked { step, .. }
        | Event::StepSkipped { step, .. } => *step == wanted.id,
        _ => false,
    };
    events.iter().filter(tells).count()
}

fn block_on<F: Future>(work: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_plan_with_any_failures_comes_to_an_end(plan in any_plan(), bad in any::<u32>(), room in 1..4_usize) {
        let hosts = TestHosts::new(move |_, what| {
            let at: u32 = what.parse().expect("a number");
            match (bad >> at) & 1 {
                1 if at.is_multiple_of(6) => Answer::Fails(1),
                1 if at % 6 == 3 => Answer::Lost,
                _ => Answer::Ends,
            }
        });
        let (report, events) = block_on(async { begin_at_once(plan.clone(), &hosts, room).finish().await });
        for step in &plan.steps {
            prop_assert_eq!(fates(&events, step), 1);
        }
        let words = short(&events);
        for step in &plan.steps {
            let Some(started) = words.iter().position(|word| *word == format!("+{}", step.id)) else { continue };
            for before in &step.after {
                let ended = position(&words, &format!("={before}"));
                prop_assert!(ended < started);
            }
        }
        let failed = events.iter().any(|event| matches!(event, Event::StepFailed { .. }));
        prop_assert_eq!(report.outcome, if failed { Outcome::Failed } else { Outcome::Done });
        let crossings = plan.steps.iter().filter(|step| !step.after.is_empty()).count();
        prop_assert!(hosts.scripts().len() <= plan.hosts.len() + crossings);
    }
}

#[tokio::test]
async fn a_host_is_logged_in_to_before_a_step_that_needs_it() {
    let keep = || Step {
        operation: Operation::KeepOpenings(KeepOpenings { software: Software::Firewalld }),
        ..step("a", "2", &[])
    };
    let hosts = ends();
    let (outcome, _) = events_of(vec![step("a", "1", &[]), keep(), step("a", "3", &[])], &hosts).await;
    assert_eq!(
        (outcome, hosts.scripts()),
        (Outcome::Done, ["a: 1", "a: (log in)", "a: 2 3"].map(str::to_owned).to_vec())
    );
    let hosts = TestHosts::new(|_, what| if what == "log in" { Answer::Lost } else { Answer::Ends });
    let (_, events) = events_of(vec![step("a", "1", &[]), keep(), step("a", "3", &[])], &hosts).await;
    assert_eq!(hosts.scripts(), ["a: 1", "a: (log in)"]);
    let failed = events.iter().find_map(|event| match event {
        Event::StepFailed { failure, .. } => Some(failure),
        _ => None,
    });
    let failure = failed.expect("the step fails");
    assert_eq!(failure.kind, FailureKind::ConnectionLost);
    assert!(failure.cause.why[0].starts_with("the host accepts no new login: "), "{failure:?}");
}
