//! The steps of a run: where its time went, and what became of each.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::markup::{Markup, element};
use super::parts::{Cell, Table, paragraph};
use super::timeline::{Bar, Timeline};
use super::tone::Tone;
use crate::cluster::phrases::{counted, folded, grouped};
use crate::history::{PastPass, PastStep, StepState};
use crate::model::HostName;
use crate::plan::StepId;
use crate::report::words::duration;

/// The anchor of what a pass changes on a host.
pub(super) fn anchor(at: usize, host: &HostName) -> String {
    format!("plan-{}-changes-{host}", at + 1)
}

/// How many of the longest steps are named.
const LONGEST: usize = 5;
/// Up to so many steps, those of every host are unfolded.
const UNFOLDED: usize = 60;

/// Where the time went: the longest steps, and how much of the whole the critical path explains.
pub(super) fn longest(pass: &PastPass, timeline: &Timeline) -> Markup {
    let mut bars: Vec<&Bar> = timeline.bars.iter().collect();
    if bars.len() < 2 {
        return Markup::default();
    }
    let whole = timeline.length();
    let way = timeline.critical_path();
    let on_way: Duration = way.iter().map(|bar| bar.length()).sum();
    let words = format!(
        "The plan took {}: {} in the {} of its critical path, {} between them.",
        duration(whole),
        duration(on_way),
        counted(way.len(), "step"),
        duration(whole.saturating_sub(on_way)),
    );
    let critical: BTreeSet<&str> = way.iter().map(|bar| bar.step.as_str()).collect();
    bars.sort_by_key(|bar| Reverse(bar.length()));
    let took: HashMap<&str, Duration> =
        pass.steps.iter().filter_map(|step| Some((step.id.as_str(), took(step)?))).collect();
    let row = |(at, bar): (usize, &&Bar)| {
        let share = bar.length().as_secs_f64() / whole.as_secs_f64().max(0.001) * 100.0;
        let took = took.get(bar.step.as_str()).copied().unwrap_or_else(|| bar.length());
        let cells = vec![
            Cell::plain(at + 1),
            Cell::plain(&bar.host),
            Cell::prose(&bar.title),
            Cell::plain(duration(took)),
            Cell::plain(format!("{share:.0} %")),
            star(critical.contains(bar.step.as_str())),
        ];
        (None, cells)
    };
    let table = Table {
        caption: "The longest steps",
        heads: ["#", "Host", "Step", "Took", "Of the whole", "Critical"].map(str::to_owned).to_vec(),
        rows: bars.iter().take(LONGEST).enumerate().map(row).collect(),
    };
    Markup::from(element("h3").text("Where the time went")).and(paragraph(&words)).and(table)
}

fn took(step: &PastStep) -> Option<Duration> {
    match &step.state {
        StepState::Succeeded(took) | StepState::Failed(took, _) => Some(*took),
        StepState::Began(_) | StepState::Planned | StepState::Blocked(_) | StepState::Skipped => None,
    }
}

fn star(is_critical: bool) -> Cell {
    Cell::plain(if is_critical { "★" } else { "" })
}

/// Every step, host by host. Where there are many, the hosts on which all went well are folded.
pub(super) fn steps(pass: &PastPass, timeline: &Timeline, at: usize) -> Markup {
    if pass.steps.is_empty() {
        return Markup::default();
    }
    let known: HashMap<&StepId, &PastStep> = pass.steps.iter().map(|step| (&step.id, step)).collect();
    let critical: BTreeSet<&str> = timeline.critical_path().iter().map(|bar| bar.step.as_str()).collect();
    let mut groups = grouped(pass.steps.iter().map(|step| (step.host.as_ref(), step)));
    let place = |host: &Option<&HostName>| {
        pass.hosts.iter().position(|name| Some(name) == *host).unwrap_or(usize::MAX)
    };
    groups.sort_by_key(|(host, _)| place(host));
    let all = groups.into_iter().enumerate().map(|(group, (host, steps))| {
        let name = host.map_or("no host", HostName::as_str);
        let well = steps.iter().filter(|step| matches!(step.state, StepState::Succeeded(_))).count();
        let count = match well == steps.len() {
            true => format!("{}, all done", counted(steps.len(), "step")),
            false => format!("{}, {well} done", counted(steps.len(), "step")),
        };
        let heading = element("summary")
            .holds(element("h4").text(name))
            .holds(element("span").class("count").text(count));
        let rows =
            steps.iter().enumerate().map(|(at, step)| (None, row(at, step, &known, &critical))).collect();
        let caption = format!("The steps of {name}");
        let table = Table {
            caption: &caption,
            heads: ["#", "Step", "Began (UTC)", "Took", "Outcome", "Critical", "Waited for"]
                .map(str::to_owned)
                .to_vec(),
            rows,
        };
        let id = format!("plan-{}-host-{}", at + 1, group + 1);
        let host = element("details").class("host").with("id", id);
        let host =
            if pass.steps.len() <= UNFOLDED || well < steps.len() { host.with("open", "") } else { host };
        host.holds(heading).holds(table)
    });
    Markup::from(element("h3").text("Steps")).and(all.collect::<Markup>())
}

fn row(
    at: usize,
    step: &PastStep,
    known: &HashMap<&StepId, &PastStep>,
    critical: &BTreeSet<&str>,
) -> Vec<Cell> {
    let full = |id: &StepId| match known.get(id).and_then(|step| Some((step.host.as_ref()?, &step.title))) {
        Some((host, title)) => format!("{host}: {title}"),
        None => id.to_string(),
    };
    let outcome = match &step.state {
        StepState::Succeeded(_) => Cell::toned(Tone::Good, "done"),
        StepState::Failed(..) => Cell::toned(Tone::Bad, "failed"),
        StepState::Began(_) => Cell::toned(Tone::Warning, "end not known"),
        StepState::Blocked(because_of) => {
            Cell::TonedProse(Tone::Warning, format!("not done because of {}", full(because_of)))
        }
        StepState::Skipped => Cell::toned(Tone::Warning, "not started"),
        StepState::Planned => Cell::toned(Tone::Quiet, "not started"),
    };
    let title = match step.told.as_slice() {
        [] => step.title.clone(),
        told => format!("{} ({})", step.title, counted(told.len(), "note")),
    };
    vec![
        Cell::plain(at + 1),
        Cell::prose(title),
        Cell::known(step.began.map(|began| began.time_of_day())),
        Cell::known(took(step).map(duration)),
        outcome,
        star(critical.contains(step.id.as_str())),
        waited(step, known),
    ]
}

/// Steps of other hosts with the same title share their words.
fn waited(step: &PastStep, known: &HashMap<&StepId, &PastStep>) -> Cell {
    let others = step.after.iter().filter_map(|id| {
        let before = known.get(id)?;
        let host = before.host.as_ref().filter(|host| step.host.as_ref() != Some(*host))?;
        Some((before.title.as_str(), host))
    });
    let groups = grouped(others);
    let words: Vec<String> =
        groups.iter().map(|(title, hosts)| format!("{}: {title}", folded(hosts))).collect();
    if words.is_empty() { Cell::known(None::<String>) } else { Cell::prose(words.join("; ")) }
}
