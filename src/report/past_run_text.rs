//! One run of the past for people: who ran what, what failed and why, and each host's steps with their times.

use crate::cluster::is_healthy;
use crate::cluster::phrases::counted;
use crate::history::{Became, Found, PastPass, PastRun, PastStep, RunProblem, StepState, Verified};
use crate::model::{Advice, HostName, one_line};

use super::diff::{self, Shown};
use super::failure::block;
use super::groups::Block;
use super::history_text::{ink, short_name, words};
use super::past_run::{
    Diagnosed, Diagnosis, diagnosis, early_end, facts, failures, findings, first_failure, halts,
    known_to_hosts, lines_of, no_end, outline, purpose,
};
use super::status_text::findings_text;
use super::style::{Detail, Ink, Style};
use super::titles::Titles;
use super::words::{Wrapped, duration, list};

/// A run in full. What failed comes first.
pub fn past_run_text(found: &Found, run: &PastRun, style: Style) -> String {
    let mut text = head(found, run, style);
    text.push_str(&facts_text(found, run, style));
    text.push_str(&early_end_text(run, style));
    for pass in &run.passes {
        text.push('\n');
        text.push_str(&pass_text(pass, run, style));
    }
    if let Some(verified) = &run.verified {
        text.push_str(&verification(verified, style));
    }
    text.push_str(&unread(run, style));
    text.push_str(&trail(run, style));
    text
}

/// What became of it, and the one line that matters: the step that failed first, and why.
fn head(found: &Found, run: &PastRun, style: Style) -> String {
    let became = run.became();
    let after = match became {
        Became::Result(_) => run.took().map(|took| format!(" after {}", duration(took))).unwrap_or_default(),
        Became::NoEnd(_) => String::new(),
    };
    let line = format!("Run {} of {}: {}{after}", short_name(found, run), run.playbook, words(became));
    let mut text = Wrapped::new(0, (ink(became), ""), (Ink::Heading, &line)).text(style);
    if let Some(words) = first_failure(run) {
        text.push_str(&Wrapped::new(0, (Ink::Bad, "failed: "), (Ink::Heading, &words)).text(style));
    }
    if let Some(words) = no_end(run) {
        text.push_str(&Wrapped::new(0, (Ink::Warning, "! "), (Ink::Plain, &words)).text(style));
    }
    text
}

fn facts_text(found: &Found, run: &PastRun, style: Style) -> String {
    facts(found, run)
        .iter()
        .map(|(label, words)| {
            let label = format!("{:11}", format!("{label}:"));
            // Neither a command nor a path is broken over lines.
            format!("  {}{}\n", style.paint(Ink::Dimmed, label), one_line(words))
        })
        .collect()
}

/// Why a run ended before or between its plans.
fn early_end_text(run: &PastRun, style: Style) -> String {
    let (message, problems) = early_end(run);
    let mut text = String::new();
    if let Some(message) = message {
        text.push_str(&format!(
            "\n{}",
            Wrapped::new(0, (Ink::Bad, "error: "), (Ink::Plain, message)).text(style)
        ));
    }
    for RunProblem { code: _, host, what, why, advice } in problems {
        let next = lines_of(advice);
        let block = Block { mark: (Ink::Bad, "✘"), what, seen: vec![(host.as_ref(), why.as_str())], next };
        text.push_str(&format!("\n{}", block.text(style)));
    }
    text
}

fn pass_text(pass: &PastPass, run: &PastRun, style: Style) -> String {
    let titles = Titles::of_past(pass);
    let words = format!("{}: {}", purpose(pass.kind), outline(pass, run));
    let mut text = Wrapped::new(0, (Ink::Heading, ""), (Ink::Heading, &words)).text(style);
    for failed in failures(pass) {
        text.push_str(&format!("\n{}", block(&failed, &titles, style)));
    }
    text.push_str(&diagnosis_text(pass, style));
    let width = pass.steps.iter().map(|step| console::measure_text_width(&step.title)).max().unwrap_or(0);
    for host in pass.hosts.iter().map(Some).chain([None]) {
        let steps: Vec<&PastStep> = pass.steps.iter().filter(|step| step.host.as_ref() == host).collect();
        if !steps.is_empty() {
            let name = host.map_or("no host", HostName::as_str);
            text.push_str(&format!("\n{}\n", style.paint(Ink::Heading, name)));
            for step in steps {
                text.push_str(&step_text(step, &titles, width, style));
                text.push_str(&change_text(step, style));
            }
        }
    }
    text.push_str(&folded_changes(pass, style));
    text.push_str(&halts_text(pass, style));
    text
}

/// What `doctor` found after the failure.
fn diagnosis_text(pass: &PastPass, style: Style) -> String {
    let Some(Diagnosis { causes, consequences }) = diagnosis(pass) else { return String::new() };
    let mut text = format!("\n{}\n", style.paint(Ink::Heading, "Diagnosis by rabbitup doctor, after that:"));
    if causes.is_empty() {
        text.push_str("  It found no cause.\n");
    }
    for Diagnosed { cause, what, advice, seen } in causes {
        text.push_str(&Block { mark: (Ink::Bad, "✘"), what, seen, next: lines_of(advice) }.text(style));
        text.push_str(&format!("  {}\n", style.paint(Ink::Dimmed, format!("cause: {}", one_line(cause)))));
    }
    if !consequences.is_empty() {
        text.push_str(&format!("{}\n", style.paint(Ink::Heading, "Consequences:")));
    }
    for Diagnosed { cause, what, advice: _, seen } in consequences {
        let hosts: Vec<&HostName> = seen.into_iter().filter_map(|(host, _)| host).collect();
        let on = if hosts.is_empty() { String::new() } else { format!("{}: ", list(&hosts, style.detail)) };
        let words = format!("{on}{what} ({cause})");
        text.push_str(&Wrapped::new(2, (Ink::Dimmed, "· "), (Ink::Plain, &words)).text(style));
    }
    text
}

fn step_text(step: &PastStep, titles: &Titles, width: usize, style: Style) -> String {
    let time = step.began.map_or_else(|| " ".repeat(8), |began| began.time_of_day());
    let (mark, ending) = match &step.state {
        StepState::Succeeded(took) => (style.paint(Ink::Good, "✔"), duration(*took)),
        StepState::Failed(took, _) => {
            (style.paint(Ink::Bad, "✘"), format!("failed after {}", duration(*took)))
        }
        StepState::Began(_) => (style.paint(Ink::Warning, "!"), "its end is not known".to_owned()),
        StepState::Blocked(because_of) => {
            let because = one_line(&titles.full(because_of));
            (style.paint(Ink::Warning, "!"), format!("not done because of {because}"))
        }
        StepState::Skipped => (style.paint(Ink::Warning, "!"), "not started".to_owned()),
        StepState::Planned => (style.paint(Ink::Dimmed, "·"), "not started".to_owned()),
    };
    let title = one_line(&step.title);
    let pad = width.saturating_sub(console::measure_text_width(&title));
    // The time, the mark and the spaces.
    let room = style.width.saturating_sub(14);
    let mut text = if width + 2 + console::measure_text_width(&ending) <= room {
        format!("  {time}  {mark} {title}{:pad$}  {ending}\n", "")
    } else {
        let words = format!("{title}: {ending}");
        Wrapped::new(2, (Ink::Plain, &format!("{time}  {mark} ")), (Ink::Plain, &words)).text(style)
    };
    if let StepState::Began(tail) = &step.state {
        for line in tail {
            let printed = one_line(line);
            text.push_str(
                format!("              {} {}", style.paint(Ink::Dimmed, "│"), printed.trim_end()).trim_end(),
            );
            text.push('\n');
        }
    }
    for told in &step.told {
        match Advice::of_line(told) {
            // A command that breaks in two cannot be pasted.
            Advice::Command(words) | Advice::Rabbitup(words) => {
                text.push_str(&format!("              $ {}\n", one_line(&words)));
            }
            Advice::Sentence(words) => {
                text.push_str(&Wrapped::new(14, (Ink::Warning, "note: "), (Ink::Plain, &words)).text(style))
            }
        }
    }
    text
}

/// With `-v`: why a step was needed, and the difference that it made to its file.
fn change_text(step: &PastStep, style: Style) -> String {
    if style.detail == Detail::Folded {
        return String::new();
    }
    let mut text = String::new();
    if !step.reason.is_empty() {
        text.push_str(&Wrapped::new(14, (Ink::Dimmed, "because "), (Ink::Dimmed, &step.reason)).text(style));
    }
    if let (Some(diff), Some(host)) = (&step.diff, &step.host) {
        text.push_str(&diff::text((diff, 14), host, &mut Shown::default(), style));
    }
    text
}

/// How to see what is folded away.
fn folded_changes(pass: &PastPass, style: Style) -> String {
    let changes = pass.steps.iter().filter(|step| step.diff.is_some()).count();
    if style.detail == Detail::Full || changes == 0 {
        return String::new();
    }
    let words = format!("… {} (-v shows them)", counted(changes, "file change"));
    format!("\n{}\n", style.paint(Ink::Dimmed, words))
}

fn halts_text(pass: &PastPass, style: Style) -> String {
    let lines = halts(pass).map(|line| Wrapped::new(2, (Ink::Warning, ""), (Ink::Plain, &line)).text(style));
    let text: String = lines.collect();
    if text.is_empty() { text } else { format!("\n{text}") }
}

fn verification(verified: &Verified, style: Style) -> String {
    let findings = findings(verified);
    let line = match (verified.healthy, is_healthy(&findings)) {
        (true, true) => {
            style.paint(Ink::Good, "Verified: nothing was left to change, and no error was found.")
        }
        (false, _) | (_, false) => style.paint(Ink::Bad, "Verified: the cluster was not healthy."),
    };
    format!("\n{line}\n{}", findings_text(&findings, style))
}

fn unread(run: &PastRun, style: Style) -> String {
    if run.unread_lines == 0 {
        return String::new();
    }
    let words =
        format!("{} of the journal could not be read and is not above:", counted(run.unread_lines, "line"));
    let mut text = format!("\n{}", Wrapped::new(0, (Ink::Warning, "! "), (Ink::Plain, &words)).text(style));
    for unread in &run.unread {
        let words = format!("line {}: {}", unread.line, unread.why);
        text.push_str(&Wrapped::new(4, (Ink::Plain, ""), (Ink::Plain, &words)).text(style));
    }
    if run.unread_lines > run.unread.len() {
        text.push_str(&format!("    … and {} more\n", run.unread_lines - run.unread.len()));
    }
    text
}

/// The command that finds the hosts' own lines.
fn trail(run: &PastRun, style: Style) -> String {
    let begun = known_to_hosts(run);
    if begun.is_empty() {
        return String::new();
    }
    let words = "What each host wrote down itself, for root there:";
    let mut text = format!("\n{}\n", style.paint(Ink::Dimmed, words));
    for run in begun {
        text.push_str(&format!("  $ journalctl -t rabbitup RABBITUP_RUN={}\n", one_line(run)));
    }
    text
}
