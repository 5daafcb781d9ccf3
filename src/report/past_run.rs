//! What is told of a run of the past, in the words that text and page share.

use std::collections::BTreeMap;

use super::failure::Failed;
use super::history_text::tally;
use super::summary::reason;
use super::titles::Titles;
use crate::cluster::Finding;
use crate::cluster::phrases::{counted, grouped};
use crate::history::{
    Became, DiagnosedFinding, End, Found, Halt, NoEnd, PassKind, PastPass, PastRun, PastStep, RunProblem,
    StepState, Verified, VerifiedFinding,
};
use crate::model::{Advice, Cause, HostName, Problem};
use crate::plan::{Change, StepId};

/// Who ran what, when, from which inventory: labels and words.
pub(super) fn facts(found: &Found, run: &PastRun) -> Vec<(&'static str, String)> {
    let unknown = || "unknown: an older rabbitup did not write it".to_owned();
    // Journals without an operator are of versions that wrote none of these.
    let of_older = |value: &Option<String>, none: &str| match (value, &run.operator) {
        (Some(value), _) => value.clone(),
        (None, Some(_)) => none.to_owned(),
        (None, None) => unknown(),
    };
    let version = run.rabbitup.as_ref().map(|version| format!(", rabbitup {version}")).unwrap_or_default();
    let mut facts = vec![
        ("command", run.command.clone()),
        ("operator", run.operator.as_ref().map_or_else(unknown, |who| format!("{who}{version}"))),
        ("inventory", of_older(&run.inventory, "none: a saved plan was applied")),
        ("cluster", of_older(&run.cluster, "without a name")),
        ("began", format!("{} {} UTC", run.began.date(), run.began.time_of_day())),
        ("journal", format!("{} ({})", found.path.display(), size(found.bytes))),
    ];
    let before = run.passes.first().and_then(|pass| pass.seen.as_ref());
    let seen = [("before", before), ("after", run.seen.as_ref())];
    facts.extend(seen.into_iter().filter_map(|(when, seen)| Some((when, seen?.verdict.clone()))));
    facts
}

fn size(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} bytes"),
        10_000..=9_999_999 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

/// The step that failed first, and why.
pub(super) fn first_failure(run: &PastRun) -> Option<String> {
    let failed = |pass: &PastPass| {
        let step = pass.steps.iter().find(|step| step.has_failed())?;
        let StepState::Failed(_, failure) = &step.state else { return None };
        Some(reason(&Titles::of_past(pass), &step.id, failure))
    };
    run.passes.iter().find_map(failed)
}

/// Why a run has no end, and what that means for its hosts.
pub(super) fn no_end(run: &PastRun) -> Option<String> {
    let at = run.last.time_of_day();
    match run.became() {
        Became::Result(_) => None,
        Became::NoEnd(NoEnd::Running) => {
            Some("its process is at work; this is what it has done so far".to_owned())
        }
        Became::NoEnd(NoEnd::Killed) => Some(format!(
            "its journal ends at {at} without an end: the process was killed, or its machine went down; a step that began may have \
             gone on"
        )),
        Became::NoEnd(NoEnd::Unknown) => Some(format!(
            "its journal ends at {at} without an end, and nothing tells whether the process still lives"
        )),
    }
}

/// Why a run ended before or between its plans: what it said, and the problems that it named.
pub(super) fn early_end(run: &PastRun) -> (Option<&str>, &[RunProblem]) {
    match &run.end {
        End::Ended(ended) => (ended.message.as_deref(), &ended.problems),
        End::Applied(_) | End::Running | End::Killed | End::Unknown => (None, &[]),
    }
}

/// Advice as journals have it: sentences, and commands after a `$`.
pub(super) fn lines_of(advice: &str) -> Vec<Advice> {
    advice.lines().filter(|line| !line.is_empty()).map(Advice::of_line).collect()
}

/// What a plan was made for.
pub(super) fn purpose(kind: PassKind) -> &'static str {
    match kind {
        PassKind::First => "Plan",
        PassKind::Again => "Second plan, of what could be seen only then",
        PassKind::Recovery => "Plan that ends what the failed run had begun",
    }
}

/// `12 steps on 3 hosts (8 add, 4 change); 11 of 12 done, 1 failed`; what a plan without steps is.
pub(super) fn outline(pass: &PastPass, run: &PastRun) -> String {
    if pass.plan.is_none() {
        return "none was made".to_owned();
    }
    if pass.steps.is_empty() {
        return "no changes".to_owned();
    }
    let began = pass.began.is_some() || run.passes.len() > 1;
    format!("{}{}", counts(pass), if began { "" } else { "; none of it was begun" })
}

fn counts(pass: &PastPass) -> String {
    let changes = Change::tally(pass.steps.iter().filter_map(|step| step.change));
    let mut hosts: Vec<&HostName> = Vec::new();
    for step in &pass.steps {
        if let Some(host) = step.host.as_ref().filter(|host| !hosts.contains(host)) {
            hosts.push(host);
        }
    }
    let word = |change: Change| match change {
        Change::Add => "add",
        Change::Change => "change",
        Change::Remove => "remove",
        Change::Restart => "restart",
        Change::Command => "command",
    };
    let kinds: Vec<String> =
        changes.iter().map(|(change, number)| format!("{number} {}", word(*change))).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    let planned = pass.steps.len();
    let steps = counted(planned, "step");
    let done = tally(pass.tally(), planned);
    format!("{steps} on {}{kinds}; {done}", counted(hosts.len(), "host"))
}

/// The failed steps, with those that were not done because of them.
pub(super) fn failures(pass: &PastPass) -> Vec<Failed> {
    let because: BTreeMap<&StepId, &StepId> = pass
        .steps
        .iter()
        .filter_map(|step| match &step.state {
            StepState::Blocked(because_of) => Some((&step.id, because_of)),
            StepState::Planned
            | StepState::Began(_)
            | StepState::Succeeded(_)
            | StepState::Failed(..)
            | StepState::Skipped => None,
        })
        .collect();
    let root = |id: &StepId| {
        let mut at = because.get(id).copied();
        // A journal may say anything, also that two steps blocked each other.
        for _ in 0..because.len() {
            at = at.and_then(|id| because.get(id).copied().or(Some(id)));
        }
        at.cloned()
    };
    let not_done = |failed: &StepId| {
        because.keys().filter(|id| root(id).as_ref() == Some(failed)).map(|id| (*id).clone()).collect()
    };
    let failed = |step: &PastStep| match &step.state {
        StepState::Failed(elapsed, failure) => Some(Failed {
            step: step.id.clone(),
            host: step.host.clone()?,
            elapsed: *elapsed,
            failure: failure.clone(),
            not_done: not_done(&step.id),
        }),
        StepState::Planned
        | StepState::Began(_)
        | StepState::Succeeded(_)
        | StepState::Blocked(_)
        | StepState::Skipped => None,
    };
    pass.steps.iter().filter_map(failed).collect()
}

/// What `doctor` found, with the hosts that have it and their evidence: root causes, then their consequences.
pub(super) struct Diagnosis<'a> {
    pub causes: Vec<Diagnosed<'a>>,
    pub consequences: Vec<Diagnosed<'a>>,
}

/// One problem that `doctor` found, on all hosts that have it.
pub(super) struct Diagnosed<'a> {
    pub cause: &'a str,
    pub what: &'a str,
    pub advice: &'a str,
    /// The hosts, each with what was seen there.
    pub seen: Vec<(Option<&'a HostName>, &'a str)>,
}

/// None if `doctor` did not look, as after most failures.
pub(super) fn diagnosis(pass: &PastPass) -> Option<Diagnosis<'_>> {
    let findings = &pass.diagnosed.as_ref()?.findings;
    let those = |consequence: bool| {
        let of_kind = findings.iter().filter(move |finding| finding.consequence == consequence);
        let alike = grouped(of_kind.map(|finding| {
            let DiagnosedFinding { cause, host, peer: _, what, why, advice, consequence: _ } = finding;
            ((cause.as_str(), what.as_str(), advice.as_str()), (host.as_ref(), why.as_str()))
        }));
        let one = |((cause, what, advice), seen)| Diagnosed { cause, what, advice, seen };
        alike.into_iter().map(one).collect()
    };
    Some(Diagnosis { causes: those(false), consequences: those(true) })
}

/// What stopped a plan, with its time.
pub(super) fn halts(pass: &PastPass) -> impl Iterator<Item = String> {
    pass.halts.iter().map(|(at, halt)| {
        let words = match halt {
            Halt::Interrupted => "interrupted: nothing new started after this".to_owned(),
            Halt::LockLost(host) => format!("the lock on {host} was lost: nothing new started after this"),
            Halt::Abandoned => "abandoned: what ran then may have gone on".to_owned(),
        };
        format!("{}  {words}", at.time_of_day())
    })
}

/// What the verification found.
pub(super) fn findings(verified: &Verified) -> Vec<Finding> {
    let finding = |VerifiedFinding { severity, host, what, advice }: &VerifiedFinding| Finding {
        severity: *severity,
        problem: Problem {
            host: host.clone(),
            what: what.clone(),
            cause: Cause { why: Vec::new(), next: lines_of(advice) },
        },
    };
    verified.findings.iter().map(finding).collect()
}

/// The names by which hosts know the plans of which a step may have begun.
pub(super) fn known_to_hosts(run: &PastRun) -> Vec<&str> {
    let begun = run.passes.iter().filter(|pass| pass.began.is_some());
    begun.filter_map(|pass| pass.run.as_deref()).collect()
}
