//! What a run's steps changed: each with its reason, and the difference that it made to its file.

use super::markup::{Element, Markup, element};
use super::run_steps::anchor;
use super::steps::{change, described};
use super::tone::Tone;
use crate::cluster::phrases::counted;
use crate::history::{PastPass, PastStep, StepState};
use crate::model::HostName;
use crate::report::diff::Shown;
use crate::report::style::Detail;

/// Up to so many steps, what they change is unfolded.
const UNFOLDED: usize = 12;

/// The steps whose plan said more than a title, host by host.
pub(super) fn changes(pass: &PastPass, at: usize) -> Markup {
    let mut shown = Shown::default();
    let mut all = Markup::default();
    for host in &pass.hosts {
        let steps = pass.steps.iter().filter(|step| step.host.as_ref() == Some(host));
        let told: Vec<&PastStep> =
            steps.filter(|step| step.diff.is_some() || !step.reason.is_empty()).collect();
        if told.is_empty() {
            continue;
        }
        let mut items = Vec::new();
        for step in &told {
            items.push(item(step, (host, at), &mut shown));
        }
        let heading = element("summary")
            .holds(element("h4").text(host))
            .holds(element("span").class("count").text(counted(told.len(), "step")));
        let details = element("details").class("host").with("id", anchor(at, host));
        let details = if pass.steps.len() <= UNFOLDED { details.with("open", "") } else { details };
        all = all.and(details.holds(heading).holds(element("ol").class("steps").each(items)));
    }
    if all.is_empty() { all } else { Markup::from(element("h3").text("What they change, and why")).and(all) }
}

fn item<'a>(step: &'a PastStep, (host, at): (&'a HostName, usize), shown: &mut Shown<'a>) -> Element {
    let (tone, became) = match &step.state {
        StepState::Succeeded(_) => (Tone::Good, ""),
        StepState::Failed(..) => (Tone::Bad, "failed: "),
        StepState::Began(_) => (Tone::Warning, "end not known: "),
        StepState::Planned | StepState::Blocked(_) | StepState::Skipped => (Tone::Quiet, "not done: "),
    };
    let diff = step
        .diff
        .as_ref()
        .map(|diff| change(diff, (host, |host: &HostName| anchor(at, host)), shown, Detail::Folded));
    described(tone, became, (&step.title, &step.reason)).each(diff)
}
