//! The steps of a plan, host by host.

use super::markup::{Element, Markup, element};
use super::tone::Tone;
use crate::cluster::phrases::{counted, grouped, whole};
use crate::model::{HostName, one_line};
use crate::plan::{Plan, Step, StepId};
use crate::report::diff::{self, Folded, Shown};
use crate::report::style::{Detail, Ink};
use crate::report::words::change_word;

/// The anchor of a host.
pub(super) fn anchor(host: &HostName) -> String {
    format!("host-{host}")
}

/// Every host with its steps, then those without.
pub(super) fn steps(plan: &Plan, detail: Detail) -> Markup {
    let mut shown = Shown::default();
    let mut all = Markup::default();
    let mut idle: Vec<&HostName> = Vec::new();
    for host in &plan.hosts {
        let steps: Vec<&Step> = plan.steps.iter().filter(|step| step.host == host.name).collect();
        if steps.is_empty() {
            idle.push(&host.name);
            continue;
        }
        let mut items = Vec::new();
        for step in &steps {
            items.push(item(plan, step, &mut shown, detail));
        }
        let heading = element("summary")
            .holds(element("h3").text(&host.name))
            .holds(element("span").class("count").text(counted(steps.len(), "step")));
        let details = element("details")
            .class("host")
            .with("open", "")
            .with("id", anchor(&host.name))
            .holds(heading)
            .holds(element("ol").class("steps").each(items));
        all = all.and(details);
    }
    if !idle.is_empty() && !plan.is_empty() {
        all = all.and(element("p").class("idle").text(format!("{}: nothing to do", whole(&idle))));
    }
    all
}

fn item<'a>(plan: &'a Plan, step: &'a Step, shown: &mut Shown<'a>, detail: Detail) -> Element {
    let tone = Tone::from(step.change);
    let kind = format!("{} ", change_word(step.change));
    let diff = step.diff.as_ref().map(|diff| change(diff, (&step.host, anchor), shown, detail));
    described(tone, &kind, (&step.title, &step.reason))
        .with("id", step_anchor(plan, &step.id))
        .holds(waits(plan, step))
        .each(diff)
}

/// An item of a list: what a step does, after its kind in a word, and why.
pub(super) fn described(tone: Tone, kind: &str, (title, reason): (&str, &str)) -> Element {
    let title = element("p")
        .class("title")
        .holds(tone.mark())
        .holds(element("span").class("kind").text(kind))
        .text(title);
    let because =
        (!reason.is_empty()).then(|| element("p").class("because").text(format!("because {reason}")));
    element("li").with("class", format!("step {}", tone.class())).holds(title).each(because)
}

/// By its place: an id of a hand-edited plan can be any text.
fn step_anchor(plan: &Plan, id: &StepId) -> String {
    let place = plan.steps.iter().position(|step| &step.id == id).unwrap_or(plan.steps.len());
    format!("step-{}", place + 1)
}

/// The steps on other hosts that it waits for; equal titles share a line.
fn waits(plan: &Plan, step: &Step) -> Markup {
    let known = step.after.iter().filter_map(|id| plan.step(id));
    let groups = grouped(known.map(|before| (&before.title, before)));
    let line = |(title, all): (&String, Vec<&Step>)| {
        let links = all.iter().enumerate().flat_map(|(at, before)| {
            let comma = Markup::text(if at == 0 { "" } else { ", " });
            let link = element("a").with("href", format!("#{}", step_anchor(plan, &before.id)));
            [comma, link.text(&before.host).into()]
        });
        element("p").class("after").text("after ").each(links).text(format!(": {title}"))
    };
    let missing = step.after.iter().filter(|id| plan.step(id).is_none());
    let missing = missing.map(|id| element("p").class("after").text(format!("after {id}")));
    groups.into_iter().map(line).chain(missing).collect()
}

/// The change of a file, folded as in the text; but what is folded here can be opened. `anchor` is that of a host on this page.
pub(super) fn change<'a>(
    diff: &'a str,
    (host, anchor): (&'a HostName, impl Fn(&HostName) -> String),
    shown: &mut Shown<'a>,
    detail: Detail,
) -> Markup {
    match shown.folded(diff, host, detail) {
        Folded::SameAs { host, lines } => {
            let link = element("a").with("href", format!("#{}", anchor(host))).text(host);
            let words = format!("the same {} as on ", counted(lines, "line"));
            element("p").class("same").text(words).holds(link).into()
        }
        Folded::Lines { shown, rest } => {
            let more = (!rest.is_empty()).then(|| {
                element("details")
                    .class("more")
                    .holds(element("summary").text(counted(rest.len(), "more line")))
                    .holds(block(&rest))
            });
            Markup::from(block(&shown)).and(more.into_iter().collect::<Markup>())
        }
    }
}

fn block(lines: &[&str]) -> Element {
    let line = |line: &&str| {
        let text = format!("{}\n", one_line(line).trim_end());
        let ink = diff::ink(line);
        let name = if ink == Ink::Added {
            "ins"
        } else if ink == Ink::Removed {
            "del"
        } else {
            "span"
        };
        element(name).holds(Markup::lines(&text))
    };
    element("pre").class("diff").each(lines.iter().map(line))
}
