//! Whether a plan can end at all. The planner makes no other, but a saved plan can be edited by hand.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::HostName;
use crate::plan::{Plan, StepId};

/// A step's place in the plan's order.
pub(super) type Place = usize;

/// Why a plan cannot be executed as it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanDefect {
    #[error("the plan has two steps with the id {0}")]
    SameId(StepId),
    #[error("step {step} comes after {missing}, which is no step of the plan")]
    UnknownStep { step: StepId, missing: StepId },
    #[error("step {step} is for {host}, which is no host of the plan")]
    UnknownHost { step: StepId, host: HostName },
    #[error("steps wait for each other: {}", chain(.0))]
    Cycle(Vec<StepId>),
}

fn chain(steps: &[StepId]) -> String {
    let mut names: Vec<&str> = steps.iter().map(StepId::as_str).collect();
    names.extend(names.first().copied());
    names.join(" after ")
}

/// Checks that every name in the plan means something and that no step waits for itself. Returns the `after` of
/// every step as places.
pub(super) fn check(plan: &Plan) -> Result<Vec<Vec<Place>>, PlanDefect> {
    let hosts: BTreeSet<&HostName> = plan.hosts.iter().map(|host| &host.name).collect();
    let mut places: BTreeMap<&StepId, Place> = BTreeMap::new();
    for (place, step) in plan.steps.iter().enumerate() {
        if places.insert(&step.id, place).is_some() {
            return Err(PlanDefect::SameId(step.id.clone()));
        }
        if !hosts.contains(&step.host) {
            return Err(PlanDefect::UnknownHost { step: step.id.clone(), host: step.host.clone() });
        }
    }
    let after = named_places(plan, &places)?;
    match cycle(&with_host_order(plan, &after)) {
        None => Ok(after),
        Some(cycle) => {
            Err(PlanDefect::Cycle(cycle.into_iter().map(|place| plan.steps[place].id.clone()).collect()))
        }
    }
}

fn named_places(plan: &Plan, places: &BTreeMap<&StepId, Place>) -> Result<Vec<Vec<Place>>, PlanDefect> {
    let mut after = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        let mut named = Vec::with_capacity(step.after.len());
        for before in &step.after {
            let unknown = || PlanDefect::UnknownStep { step: step.id.clone(), missing: before.clone() };
            named.push(places.get(before).copied().ok_or_else(unknown)?);
        }
        after.push(named);
    }
    Ok(after)
}

/// Adds to every step the one before it on the same host.
fn with_host_order(plan: &Plan, after: &[Vec<Place>]) -> Vec<Vec<Place>> {
    let mut last: BTreeMap<&HostName, Place> = BTreeMap::new();
    let mut all = after.to_vec();
    for (place, step) in plan.steps.iter().enumerate() {
        all[place].extend(last.insert(&step.host, place));
    }
    all
}

/// One cycle of the graph, if it has any.
fn cycle(before: &[Vec<Place>]) -> Option<Vec<Place>> {
    let stuck = never_free(before);
    let mut at = *stuck.first()?;
    let mut path: Vec<Place> = Vec::new();
    // Every stuck step waits for another stuck one, so this walk comes back to where it has been.
    loop {
        if let Some(start) = path.iter().position(|place| *place == at) {
            return Some(path.split_off(start));
        }
        path.push(at);
        at = *before[at].iter().find(|place| stuck.contains(place))?;
    }
}

/// The steps that remain when steps that wait for nothing are taken away again and again (Kahn's algorithm).
fn never_free(before: &[Vec<Place>]) -> Vec<Place> {
    let mut waits: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut followers: Vec<Vec<Place>> = vec![Vec::new(); before.len()];
    for (place, named) in before.iter().enumerate() {
        for &other in named {
            followers[other].push(place);
        }
    }
    let mut free: Vec<Place> = (0..waits.len()).filter(|place| waits[*place] == 0).collect();
    while let Some(place) = free.pop() {
        for &follower in &followers[place] {
            waits[follower] -= 1;
            if waits[follower] == 0 {
                free.push(follower);
            }
        }
    }
    (0..waits.len()).filter(|place| waits[*place] > 0).collect()
}
