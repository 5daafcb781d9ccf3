//! Whether a plan can finish at all. The planner makes no others, but a saved plan can be edited.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::HostName;
use crate::plan::{Plan, StepId};

/// A step's index in the plan's order.
pub(super) type Index = usize;

/// Why a plan cannot be executed.
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

/// Checks that every name in the plan exists and that no step waits for itself. Returns the `after` of
/// every step as indices.
pub(super) fn check(plan: &Plan) -> Result<Vec<Vec<Index>>, PlanDefect> {
    let hosts: BTreeSet<&HostName> = plan.hosts.iter().map(|host| &host.name).collect();
    let mut indices: BTreeMap<&StepId, Index> = BTreeMap::new();
    for (index, step) in plan.steps.iter().enumerate() {
        if indices.insert(&step.id, index).is_some() {
            return Err(PlanDefect::SameId(step.id.clone()));
        }
        if !hosts.contains(&step.host) {
            return Err(PlanDefect::UnknownHost { step: step.id.clone(), host: step.host.clone() });
        }
    }
    let after = named_indices(plan, &indices)?;
    match cycle(&with_host_order(plan, &after)) {
        None => Ok(after),
        Some(cycle) => {
            Err(PlanDefect::Cycle(cycle.into_iter().map(|index| plan.steps[index].id.clone()).collect()))
        }
    }
}

fn named_indices(plan: &Plan, indices: &BTreeMap<&StepId, Index>) -> Result<Vec<Vec<Index>>, PlanDefect> {
    let mut after = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        let mut named = Vec::with_capacity(step.after.len());
        for before in &step.after {
            let unknown = || PlanDefect::UnknownStep { step: step.id.clone(), missing: before.clone() };
            named.push(indices.get(before).copied().ok_or_else(unknown)?);
        }
        after.push(named);
    }
    Ok(after)
}

/// Adds to every step the one before it on the same host.
fn with_host_order(plan: &Plan, after: &[Vec<Index>]) -> Vec<Vec<Index>> {
    let mut last: BTreeMap<&HostName, Index> = BTreeMap::new();
    let mut all = after.to_vec();
    for (index, step) in plan.steps.iter().enumerate() {
        all[index].extend(last.insert(&step.host, index));
    }
    all
}

/// One cycle of the graph, if there is one.
fn cycle(before: &[Vec<Index>]) -> Option<Vec<Index>> {
    let stuck = never_free(before);
    let mut at = *stuck.first()?;
    let mut path: Vec<Index> = Vec::new();
    // Every stuck step waits for another stuck one, so this walk returns to a step that it has visited.
    loop {
        if let Some(start) = path.iter().position(|index| *index == at) {
            return Some(path.split_off(start));
        }
        path.push(at);
        at = *before[at].iter().find(|index| stuck.contains(index))?;
    }
}

/// The steps that remain after repeatedly removing those that wait for nothing (Kahn's algorithm).
fn never_free(before: &[Vec<Index>]) -> Vec<Index> {
    let mut waits: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut followers: Vec<Vec<Index>> = vec![Vec::new(); before.len()];
    for (index, named) in before.iter().enumerate() {
        for &other in named {
            followers[other].push(index);
        }
    }
    let mut free: Vec<Index> = (0..waits.len()).filter(|index| waits[*index] == 0).collect();
    while let Some(index) = free.pop() {
        for &follower in &followers[index] {
            waits[follower] -= 1;
            if waits[follower] == 0 {
                free.push(follower);
            }
        }
    }
    (0..waits.len()).filter(|index| waits[*index] > 0).collect()
}
