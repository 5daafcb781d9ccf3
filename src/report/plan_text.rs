//! A plan as text for people: by host, each step with its reason, the steps it waits for and the change of its file.

use crate::model::{HostName, one_line};
use crate::plan::{Change, Plan, Step};

use super::diff::{self, Shown};
use super::style::{Detail, Ink, Style};
use super::words::{Wrapped, counted_changes, list};
use crate::cluster::phrases::{counted, grouped};

/// A plan for people. The last line has the counts; the same plan always gives the same text.
pub fn plan_text(plan: &Plan, style: Style) -> String {
    let mut text = String::new();
    if !plan.steps.is_empty() {
        text.push_str(&legend(plan, style));
        let mut shown = Shown::default();
        for host in &plan.hosts {
            let steps: Vec<&Step> = plan.steps.iter().filter(|step| step.host == host.name).collect();
            if !steps.is_empty() {
                text.push_str(&format!("\n{}\n", style.paint(Ink::Heading, &host.name)));
                for step in steps {
                    text.push_str(&step_text(plan, step, &mut shown, style));
                }
            }
        }
        text.push('\n');
        text.push_str(&idle_hosts(plan, style));
    }
    text.push_str(&notes(plan, style));
    text.push_str(&style.paint(Ink::Heading, last_line(plan)));
    text.push('\n');
    text
}

/// `Plan: 6 to add, 2 to change, 1 to restart on 4 hosts`, or that there is nothing to do.
pub fn last_line(plan: &Plan) -> String {
    if plan.steps.is_empty() {
        // A playbook for one purpose says nothing about the rest of the inventory.
        if plan.playbook != "bring-up" {
            return format!("No changes. Nothing to do for {}.", one_line(&plan.playbook));
        }
        return match plan.hosts.len() {
            1 => "No changes. 1 host matches the inventory.".to_owned(),
            n => format!("No changes. {n} hosts match the inventory."),
        };
    }
    let hosts = plan.hosts.iter().filter(|host| plan.steps.iter().any(|step| step.host == host.name)).count();
    format!("Plan: {} on {}", counted_changes(plan.counts()), counted(hosts, "host"))
}

pub(super) fn ink(change: Change) -> Ink {
    match change {
        Change::Add => Ink::Added,
        Change::Change => Ink::Changed,
        Change::Remove => Ink::Removed,
        Change::Restart => Ink::Restarted,
        Change::Command => Ink::Command,
    }
}

fn legend(plan: &Plan, style: Style) -> String {
    let words: Vec<String> = plan
        .counts()
        .into_keys()
        .map(|change| {
            let word = match change {
                Change::Add => "add",
                Change::Change => "change",
                Change::Remove => "remove",
                Change::Restart => "restart",
                Change::Command => "run a command",
            };
            format!("{} {word}", style.paint(ink(change), change.symbol()))
        })
        .collect();
    format!("{}\n", words.join("   "))
}

fn step_text<'a>(plan: &Plan, step: &'a Step, shown: &mut Shown<'a>, style: Style) -> String {
    let symbol = format!("{} ", step.change.symbol());
    let mut text = Wrapped::new(2, (ink(step.change), &symbol), (Ink::Plain, &step.title)).text(style);
    if !step.reason.is_empty() {
        text.push_str(&Wrapped::new(6, (Ink::Dimmed, "because "), (Ink::Dimmed, &step.reason)).text(style));
    }
    for wait in waits(plan, step, style) {
        text.push_str(&Wrapped::new(6, (Ink::Dimmed, "after "), (Ink::Dimmed, &wait)).text(style));
    }
    if let Some(diff) = &step.diff {
        text.push_str(&diff::text((diff, 6), &step.host, shown, style));
    }
    text
}

/// The steps on other hosts that a step waits for, as text; equal titles share a line.
fn waits(plan: &Plan, step: &Step, style: Style) -> Vec<String> {
    let known = step.after.iter().filter_map(|id| plan.step(id));
    let mut waits: Vec<String> = grouped(known.map(|before| (&before.title, &before.host)))
        .into_iter()
        .map(|(title, hosts)| format!("{}: {title}", list(&hosts, style.detail)))
        .collect();
    // A hand-edited plan may name a missing step; then show its id.
    waits.extend(step.after.iter().filter(|id| plan.step(id).is_none()).map(ToString::to_string));
    waits
}

fn idle_hosts(plan: &Plan, style: Style) -> String {
    let idle: Vec<&HostName> = plan
        .hosts
        .iter()
        .map(|host| &host.name)
        .filter(|name| !plan.steps.iter().any(|step| step.host == **name))
        .collect();
    if idle.is_empty() {
        return String::new();
    }
    let line = format!("{}: nothing to do", list(&idle, style.detail));
    format!("{}\n", Wrapped::new(0, (Ink::Dimmed, ""), (Ink::Dimmed, &line)).text(style))
}

fn notes(plan: &Plan, style: Style) -> String {
    let mut text = String::new();
    for (words, hosts) in grouped(plan.notes.iter().map(|note| (&note.text, note.host.as_ref()))) {
        let hosts: Vec<&HostName> = hosts.into_iter().flatten().collect();
        let words = match hosts.is_empty() {
            true => one_line(words),
            false => format!("{}: {words}", list(&hosts, Detail::Folded)),
        };
        text.push_str(&Wrapped::new(0, (Ink::Warning, "note: "), (Ink::Plain, &words)).text(style));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}
