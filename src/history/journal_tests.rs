//! What is read back of runs that went through the scheduler, on hosts that do what a test says.

use std::path::PathBuf;
use std::sync::Arc;

use super::{
    Became, Caller, Diagnosed, DiagnosedFinding, Found, Halt, Journal, Journals, PassKind, PastRun, RunEnded,
    RunResult, StepState, Wanted,
};
use crate::apply::run_fixtures::{Answer, TestHosts, begin, host, mark, plan, step};
use crate::apply::{Event, Outcome, RunId, RunMark, Stopper, plan_digest};
use crate::plan::Plan;

/// A journal in a directory of its own, which goes with it.
struct Kept {
    directory: PathBuf,
}

impl Kept {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("rabbitup-journal-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        Self { directory }
    }

    fn begin(&self) -> Journal {
        let caller = Caller {
            command: "rabbitup up --yes".to_owned(),
            playbook: "bring-up".to_owned(),
            operator: "ann@desk".to_owned(),
            inventory: Some("/srv/orders.toml".into()),
            cluster: None,
            hosts: vec![host("a"), host("b")],
        };
        Journal::begin(Ok(self.directory.clone()), caller)
    }

    /// Ends the journal, and reads it as `history show last` does.
    fn end(&self, journal: Journal, result: RunResult, exit_code: u8) -> (Found, PastRun) {
        let ended = RunEnded { result, exit_code, code: None, message: None, problems: Vec::new() };
        journal.end(ended).expect("the journal is complete");
        let (found, run) = Journals::of(&self.directory)
            .expect("the directory is there")
            .find(&Wanted::Last, |_| {})
            .expect("the run is listed");
        assert_eq!(run.unread, [], "every line is understood");
        (found, run)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Applies a plan and writes what happens; `react` may stop it.
async fn applied(
    journal: &Journal,
    kind: PassKind,
    plan: Plan,
    hosts: &Arc<TestHosts>,
    react: impl Fn(&Event, &Stopper),
) -> Outcome {
    journal.pass(kind, &plan, &RunMark { run: Some(RunId::random()), plan: plan_digest(&plan), ..mark() });
    let mut run = begin(plan, hosts);
    while let Some(stamped) = run.events.recv().await {
        journal.step(stamped.clone());
        react(&stamped.event, &run.stopper);
    }
    run.end.await.expect("no panic").expect("a sound plan").outcome
}

fn three_starts() -> Plan {
    plan(vec![step("a", "start", &[]), step("b", "start", &["a/start"]), step("a", "name", &["b/start"])])
}

/// The states of a plan's steps, in a word each.
fn states(run: &PastRun, pass: usize) -> Vec<&'static str> {
    let word = |state: &StepState| match state {
        StepState::Planned => "planned",
        StepState::Began(_) => "began",
        StepState::Succeeded(_) => "done",
        StepState::Failed(..) => "failed",
        StepState::Blocked(_) => "blocked",
        StepState::Skipped => "skipped",
    };
    run.passes[pass].steps.iter().map(|step| word(&step.state)).collect()
}

#[tokio::test]
async fn a_failed_run_has_its_diagnosis_and_its_recovery() {
    let kept = Kept::new("failed");
    let journal = kept.begin();
    let hosts = TestHosts::new(|host, what| match (host, what) {
        ("b", "start") => Answer::Fails(3),
        _ => Answer::Ends,
    });
    assert_eq!(applied(&journal, PassKind::First, three_starts(), &hosts, |_, _| {}).await, Outcome::Failed);
    let cause = DiagnosedFinding {
        cause: "cookie-differs".to_owned(),
        host: Some(host("b")),
        peer: Some(host("a")),
        what: "its cookie is not that of the others".to_owned(),
        why: "b: 5d41402a\na: 7d793037".to_owned(),
        advice: "$ rabbitup up".to_owned(),
        consequence: false,
    };
    journal.diagnosed(Diagnosed { findings: vec![cause.clone()] });
    let recovery = plan(vec![step("b", "service", &[])]);
    assert_eq!(applied(&journal, PassKind::Recovery, recovery, &hosts, |_, _| {}).await, Outcome::Done);
    let (found, run) = kept.end(journal, RunResult::Failed, 1);
    assert_eq!(
        run.passes.iter().map(|pass| pass.kind).collect::<Vec<_>>(),
        [PassKind::First, PassKind::Recovery]
    );
    assert_eq!((states(&run, 0), states(&run, 1)), (vec!["done", "failed", "blocked"], vec!["done"]));
    assert_eq!(run.passes[0].diagnosed, Some(Diagnosed { findings: vec![cause] }), "the plan that failed");
    assert_eq!(run.passes[1].diagnosed, None);
    assert_eq!(run.runs().count(), 2, "each plan has a name of its own on the hosts");
    assert_eq!(run.became(), Became::Result(RunResult::Failed), "a recovery does not make it a success");
    let second = run.runs().nth(1).expect("a second name").to_owned();
    let (again, _) = Journals::of(&kept.directory)
        .expect("the directory is there")
        .find(&Wanted::Named(second), |_| {})
        .expect("it is found by the recovery's name as well");
    assert_eq!(again.path, found.path);
}

#[tokio::test]
async fn what_is_seen_only_then_is_a_second_plan_of_the_same_run() {
    let kept = Kept::new("again");
    let journal = kept.begin();
    let hosts = TestHosts::new(|_, _| Answer::Ends);
    for (kind, plan) in
        [(PassKind::First, three_starts()), (PassKind::Again, plan(vec![step("b", "plugins", &[])]))]
    {
        assert_eq!(applied(&journal, kind, plan, &hosts, |_, _| {}).await, Outcome::Done);
    }
    let (_, run) = kept.end(journal, RunResult::Done, 0);
    assert_eq!(
        run.passes.iter().map(|pass| pass.kind).collect::<Vec<_>>(),
        [PassKind::First, PassKind::Again]
    );
    assert_eq!((run.steps().count(), run.tally().done), (4, 4), "steps of both count");
    assert_eq!(run.cluster.as_deref(), Some("orders"), "learnt from the plan");
}

#[tokio::test]
async fn an_interrupted_run_tells_what_was_not_started() {
    let kept = Kept::new("interrupted");
    let journal = kept.begin();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let opened = gate.clone();
    let hosts = TestHosts::new(move |_, _| Answer::WaitsFor(opened.clone()));
    let react = |event: &Event, stopper: &Stopper| match event {
        Event::StepStarted { .. } => stopper.signal(),
        Event::Interrupted { .. } => gate.add_permits(9),
        _ => {}
    };
    let outcome = applied(&journal, PassKind::First, three_starts(), &hosts, react).await;
    assert_eq!(outcome, Outcome::Interrupted);
    let (_, run) = kept.end(journal, RunResult::Interrupted, 130);
    assert_eq!(states(&run, 0), ["done", "skipped", "skipped"]);
    assert!(matches!(run.passes[0].halts.as_slice(), [(_, Halt::Interrupted)]), "{:?}", run.passes[0].halts);
}

#[tokio::test]
async fn a_run_whose_lock_is_lost_tells_on_which_host() {
    let kept = Kept::new("lock");
    let journal = kept.begin();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let opened = gate.clone();
    let hosts = TestHosts::new(move |_, _| Answer::WaitsFor(opened.clone()));
    let react = |event: &Event, stopper: &Stopper| match event {
        Event::StepStarted { .. } => stopper.lock_lost(host("b")),
        Event::LockLost { .. } => gate.add_permits(9),
        _ => {}
    };
    let outcome = applied(&journal, PassKind::First, three_starts(), &hosts, react).await;
    assert_ne!(outcome, Outcome::Done);
    let (_, run) = kept.end(journal, RunResult::TakenOver, 75);
    let halts: Vec<&Halt> = run.passes[0].halts.iter().map(|(_, halt)| halt).collect();
    assert_eq!(halts, [&Halt::LockLost(host("b"))]);
    assert_eq!(states(&run, 0)[0], "done", "what ran has ended");
    assert_eq!(run.tally().done, 1, "and nothing else was begun");
    assert_eq!(run.became(), Became::Result(RunResult::TakenOver));
}

/// A run that was asked for and did nothing is listed with its result.
#[tokio::test]
async fn a_run_that_ended_before_its_first_step_is_listed() {
    let kept = Kept::new("early");
    let (found, run) = kept.end(kept.begin(), RunResult::Interrupted, 130);
    assert_eq!((run.steps().count(), run.passes.len(), &run.passes[0].plan), (0, 1, &None));
    assert_eq!(run.became(), Became::Result(RunResult::Interrupted));
    assert_eq!(run.hosts(), [host("a"), host("b")]);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(&found.path).expect("a file").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}
