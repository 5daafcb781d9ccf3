use std::collections::BTreeSet;

use proptest::prelude::*;

use super::run_fixtures::{host, id, plan, step};
use super::schedule::{Index, Schedule, State};
use super::schedule_check::PlanDefect;
use crate::firewall::Software;
use crate::operation::{KeepOpenings, Operation};
use crate::plan::{Plan, Step, StepId};

fn schedule(steps: Vec<Step>) -> Schedule {
    Schedule::new(&plan(steps)).expect("a sound plan")
}

fn succeed(schedule: &mut Schedule, indices: &[Index]) {
    schedule.hand_over(indices);
    indices.iter().for_each(|index| schedule.start(*index));
    indices.iter().for_each(|index| schedule.succeed(*index));
    if let Some(index) = indices.first() {
        schedule.release(schedule.host_of(*index));
    }
}

#[test]
fn a_batch_reaches_up_to_the_first_step_that_waits_for_another_host() {
    let mut schedule = schedule(vec![
        step("a", "1", &[]),
        step("a", "2", &["a/1"]),
        step("b", "1", &["a/2"]),
        step("a", "3", &["b/1"]),
        step("a", "4", &[]),
    ]);
    assert_eq!(schedule.ready(30), [vec![0, 1]]);
    succeed(&mut schedule, &[0, 1]);
    assert_eq!(schedule.ready(30), [vec![2]]);
    succeed(&mut schedule, &[2]);
    assert_eq!(schedule.ready(30), [vec![3, 4]]);
}

#[test]
fn a_success_is_known_while_its_script_runs_and_a_busy_host_gets_no_second_one() {
    let mut schedule = schedule(vec![step("a", "1", &[]), step("a", "2", &[]), step("b", "1", &["a/1"])]);
    schedule.hand_over(&[0, 1]);
    assert_eq!(schedule.ready(30), Vec::<Vec<Index>>::new());
    schedule.start(0);
    schedule.succeed(0);
    assert_eq!(schedule.ready(30), [vec![2]]);
    assert_eq!(schedule.next_batch(0), Vec::<Index>::new());
}

#[test]
fn where_room_is_short_the_plans_order_decides() {
    let schedule = schedule(vec![step("c", "1", &[]), step("a", "1", &[]), step("b", "1", &[])]);
    assert_eq!(schedule.ready(2), [vec![0], vec![1]]);
}

#[test]
fn a_failure_blocks_what_depends_on_it_and_names_the_root() {
    let mut schedule = schedule(vec![
        step("a", "1", &[]),
        step("a", "2", &[]),
        step("b", "1", &["a/2"]),
        step("b", "2", &[]),
        step("c", "1", &["b/2"]),
        step("d", "1", &[]),
    ]);
    schedule.hand_over(&[0, 1]);
    schedule.start(0);
    assert_eq!(schedule.fail(0), [1, 2, 3, 4]);
    schedule.release(0);
    assert_eq!(schedule.state(4), State::Blocked(0));
    assert_eq!(schedule.ready(30), [vec![5]]);
    schedule.hand_over(&[5]);
    schedule.start(5);
    assert_eq!(schedule.fail(5), Vec::<Index>::new());
    assert_eq!(schedule.state(4), State::Blocked(0));
}

#[test]
fn steps_that_a_stopped_script_did_not_start_wait_again() {
    let mut schedule = schedule(vec![step("a", "1", &[]), step("a", "2", &[])]);
    schedule.hand_over(&[0, 1]);
    schedule.start(0);
    schedule.succeed(0);
    schedule.release(0);
    assert_eq!(schedule.next_batch(0), [1]);
    assert_eq!(schedule.skip_rest(), [1]);
}

#[test]
fn a_plan_that_could_never_end_is_refused() {
    let defect = |steps| Schedule::new(&plan(steps)).expect_err("it is refused");
    assert_eq!(defect(vec![step("a", "1", &[]), step("a", "1", &[])]), PlanDefect::SameId(id("a/1")));
    assert_eq!(
        defect(vec![step("a", "1", &["b/1"])]),
        PlanDefect::UnknownStep { step: id("a/1"), missing: id("b/1") }
    );
    assert_eq!(defect(vec![step("a", "1", &["a/1"])]), PlanDefect::Cycle(vec![id("a/1")]));
    // A host's own order is part of the cycle: a/1 waits for b/2, which comes after b/1, which waits for a/1.
    let crossed = vec![step("a", "1", &["b/2"]), step("b", "1", &["a/1"]), step("b", "2", &[])];
    let PlanDefect::Cycle(cycle) = defect(crossed) else { panic!("a cycle") };
    assert_eq!(cycle.iter().cloned().collect::<BTreeSet<StepId>>(), [id("a/1"), id("b/1"), id("b/2")].into());
    let mut unlisted = plan(vec![step("a", "1", &[])]);
    unlisted.hosts.clear();
    assert_eq!(
        Schedule::new(&unlisted).expect_err("it is refused"),
        PlanDefect::UnknownHost { step: id("a/1"), host: host("a") }
    );
}

/// Plans of up to 24 steps on up to 5 hosts: per step a host, and earlier steps that it names.
pub(super) fn any_plan() -> impl Strategy<Value = Plan> {
    let one = (0..5_usize, prop::collection::vec(any::<prop::sample::Index>(), 0..3));
    prop::collection::vec(one, 0..24).prop_map(|drawn| {
        let mut steps: Vec<Step> = Vec::new();
        for (index, (on, before)) in drawn.into_iter().enumerate() {
            let mut new = step(["a", "b", "c", "d", "e"][on], &index.to_string(), &[]);
            if index > 0 {
                new.after = before.iter().map(|at| steps[at.index(index)].id.clone()).collect();
            }
            steps.push(new);
        }
        plan(steps)
    })
}

/// Whether everything that `index` waits for has succeeded.
fn may_start(plan: &Plan, schedule: &Schedule, index: Index) -> bool {
    let step = &plan.steps[index];
    plan.steps.iter().enumerate().all(|(other, before)| {
        let waits = step.after.contains(&before.id) || (before.host == step.host && other < index);
        !waits || schedule.state(other) == State::Succeeded
    })
}

proptest! {
    #[test]
    fn every_plan_ends_and_no_step_starts_too_early(
        plan in any_plan(),
        dice in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 400),
    ) {
        let mut schedule = Schedule::new(&plan).expect("a sound plan");
        // The scripts that run: what is left of each, its first step perhaps under way.
        let mut scripts: Vec<Vec<Index>> = Vec::new();
        for (which, luck) in dice {
            for batch in schedule.ready(2_usize.saturating_sub(scripts.len())) {
                schedule.hand_over(&batch);
                scripts.push(batch);
            }
            if scripts.is_empty() {
                break;
            }
            let at = which.index(scripts.len());
            let index = scripts[at][0];
            if schedule.state(index) == State::HandedOver {
                prop_assert!(may_start(&plan, &schedule, index));
                schedule.start(index);
            } else if luck < 40 {
                schedule.fail(index);
                schedule.release(schedule.host_of(index));
                scripts.remove(at);
            } else {
                schedule.succeed(index);
                scripts[at].remove(0);
                if scripts[at].is_empty() {
                    schedule.release(schedule.host_of(index));
                    scripts.remove(at);
                }
            }
        }
        for index in 0..plan.steps.len() {
            match schedule.state(index) {
                State::Succeeded | State::Failed => {}
                State::Blocked(root) => prop_assert_eq!(schedule.state(root), State::Failed),
                other => prop_assert!(false, "step {} ends as {:?}", index, other),
            }
        }
    }
}

/// The controller logs in before it, and what came before must be over by then.
#[test]
fn a_step_that_needs_a_login_starts_a_script() {
    let mut keep = step("a", "2", &[]);
    keep.operation = Operation::KeepOpenings(KeepOpenings { software: Software::Firewalld });
    let mut schedule = schedule(vec![step("a", "1", &[]), keep, step("a", "3", &[])]);
    assert_eq!(schedule.ready(30), [vec![0]]);
    succeed(&mut schedule, &[0]);
    assert_eq!(schedule.ready(30), [vec![1, 2]]);
}
