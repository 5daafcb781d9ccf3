//! A run of the past as a page.

use std::collections::BTreeSet;

use super::frame::{Made, Page, Section};
use super::markup::{Element, Markup, element};
use super::parts::{Trouble, command, facts, finding_troubles, note, numbers, paragraph, troubles};
use super::picture::{Links, Picture};
use super::plan::subject;
use super::run_changes::changes;
use super::run_failures::{failed, without_end};
use super::run_steps::{longest, steps};
use super::timeline::Timeline;
use super::tone::Tone;
use crate::cluster::phrases::{counted, folded, grouped};
use crate::cluster::{Severity, is_healthy};
use crate::history::{
    Became, ClusterSeen, Found, PastPass, PastRun, PastStep, RunProblem, StepState, Verified,
};
use crate::model::HostName;
use crate::report::history_text::{ink, short_name, words};
use crate::report::past_run;
use crate::report::style::Ink;
use crate::report::titles::Titles;
use crate::report::words::duration;

/// A run in full as the text of a file.
pub fn run_page(found: &Found, run: &PastRun, made: &Made) -> String {
    let before = [
        Section::of("run", "Run", summary(found, run)),
        Section::of("problems", "Why it ended", problems(run)),
        Section::of("failures", "What failed", failures(run)),
        Section::of("diagnosis", "What rabbitup doctor found after that", diagnoses(run)),
        Section::of("told", "What its steps told", told(run)),
        Section::of("cluster", "Cluster", cluster(run)),
    ];
    let passes = run.passes.iter().enumerate().map(|(at, pass)| {
        let (id, title) = (format!("plan-{}", at + 1), past_run::purpose(pass.kind));
        Section::of(id, title, plan(run, pass, at))
    });
    let after = [
        Section::of("verification", "Verification", run.verified.as_ref().map(verified).unwrap_or_default()),
        Section::of("unread", "What could not be read", unread(run)),
        Section::of("hosts", "What the hosts wrote down themselves", trail(run)),
    ];
    Page {
        command: "rabbitup history",
        subject: format!(
            "Run {}: {}",
            short_name(found, run),
            subject(&run.playbook, run.cluster.as_deref())
        ),
        verdict: (tone(run), verdict(run)),
        made: made.clone(),
        sections: before.into_iter().chain(passes).chain(after).flatten().collect(),
    }
    .html()
}

fn tone(run: &PastRun) -> Tone {
    let ink = ink(run.became());
    if ink == Ink::Good {
        Tone::Good
    } else if ink == Ink::Bad {
        Tone::Bad
    } else {
        Tone::Warning
    }
}

/// What became of it, and the one line that matters.
fn verdict(run: &PastRun) -> String {
    let word = capital(words(run.became()));
    let after = match run.became() {
        Became::Result(_) => run.took().map(|took| format!(" after {}", duration(took))).unwrap_or_default(),
        Became::NoEnd(_) => String::new(),
    };
    let found = || {
        let findings = past_run::findings(run.verified.as_ref()?);
        let worst = findings.into_iter().find(|finding| finding.severity == Severity::Error)?.problem;
        let on = worst.host.map(|host| format!("{host}: ")).unwrap_or_default();
        Some(format!("{on}{}", worst.what))
    };
    let message = || past_run::early_end(run).0.map(str::to_owned);
    match past_run::first_failure(run).or_else(message).or_else(found).or_else(|| past_run::no_end(run)) {
        Some(why) => format!("{word}{after}. {why}"),
        None => format!("{word}{after}{}.", amount(run)),
    }
}

/// What was done, where nothing went wrong.
fn amount(run: &PastRun) -> String {
    match run.tally().done {
        0 => String::new(),
        done => format!(": {} on {}", counted(done, "step"), counted(hosts_with_steps(run), "host")),
    }
}

fn hosts_with_steps(run: &PastRun) -> usize {
    run.steps().filter_map(|step| step.host.as_ref()).collect::<BTreeSet<_>>().len()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Who ran what, and how many steps became what.
fn summary(found: &Found, run: &PastRun) -> Markup {
    let tally = run.tally();
    let open = |step: &&PastStep| matches!(step.state, StepState::Began(_));
    let all = [
        (Tone::Quiet, "planned", run.steps().count()),
        (Tone::Good, "done", tally.done),
        (Tone::Bad, "failed", tally.failed),
        (Tone::Warning, "blocked", tally.blocked),
        (Tone::Warning, "not started", tally.skipped),
        (Tone::Warning, "end not known", run.steps().filter(open).count()),
        (Tone::Quiet, "hosts", run.hosts().len()),
    ];
    let end = past_run::no_end(run).map(|words| note(Tone::Warning, &words, &[]));
    let end = end.map(|line| element("ul").class("notes").holds(line));
    facts(past_run::facts(found, run)).and(numbers(all)).and(end.into_iter().collect::<Markup>())
}

/// The cluster before the run and after it.
fn cluster(run: &PastRun) -> Markup {
    let before = run.passes.first().and_then(|pass| pass.seen.as_ref());
    let pictures = match (before, run.seen.as_ref()) {
        (Some(before), Some(after)) if before == after => vec![("Before and after", Some(after))],
        (before, after) => vec![("Before", before), ("After", after)],
    };
    let drawn = |(when, seen): (&str, Option<&ClusterSeen>)| {
        let seen = seen?;
        let picture = Picture::of_seen(seen, Links::NONE).markup();
        Some(Markup::from(element("h3").text(when)).and(paragraph(&seen.verdict)).and(picture))
    };
    pictures.into_iter().filter_map(drawn).collect()
}

fn problems(run: &PastRun) -> Markup {
    let (message, problems) = past_run::early_end(run);
    let problem = |RunProblem { code: _, host, what, why, advice }: &'_ RunProblem| {
        Markup::from(Trouble {
            tone: Tone::Bad,
            kind: "error",
            hosts: host.iter().collect(),
            what,
            why: vec![why],
            next: past_run::lines_of(advice),
        })
    };
    let items: Markup = problems.iter().map(problem).collect();
    let list = (!items.is_empty()).then(|| element("ul").class("troubles").holds(items));
    message.map(paragraph).into_iter().chain(list).collect()
}

/// The failed steps with their evidence, and those whose end nobody knows.
fn failures(run: &PastRun) -> Markup {
    let of_pass = |pass: &PastPass| {
        let titles = Titles::of_past(pass);
        let broken: Markup = past_run::failures(pass).iter().map(|step| failed(step, &titles)).collect();
        broken.and(pass.steps.iter().filter_map(without_end).collect::<Markup>())
    };
    let items: Markup = run.passes.iter().map(of_pass).collect();
    if items.is_empty() { items } else { element("ul").class("troubles").holds(items).into() }
}

/// What `doctor` found on the hosts after a failure.
fn diagnoses(run: &PastRun) -> Markup {
    let of_pass = |pass| {
        let Some(past_run::Diagnosis { causes, consequences }) = past_run::diagnosis(pass) else {
            return Markup::default();
        };
        if causes.is_empty() && consequences.is_empty() {
            return paragraph("It found no cause.").into();
        }
        let toned = |tone, kind| move |found| (tone, kind, found);
        let causes = causes.into_iter().map(toned(Tone::Bad, "cause"));
        let consequences = consequences.into_iter().map(toned(Tone::Warning, "consequence"));
        let items = causes.chain(consequences).map(|(tone, kind, found)| diagnosed(tone, kind, &found));
        element("ul").class("troubles").each(items).into()
    };
    run.passes.iter().map(of_pass).collect()
}

fn diagnosed(tone: Tone, kind: &'static str, found: &past_run::Diagnosed<'_>) -> Element {
    let what = format!("{} ({})", found.what, found.cause);
    let hosts = found.seen.iter().filter_map(|(host, _)| *host).collect();
    // What several hosts show alike is shown once.
    let why: Vec<&str> =
        grouped(found.seen.iter().map(|(_, why)| (*why, ()))).into_iter().map(|(why, _)| why).collect();
    let next = past_run::lines_of(found.advice);
    Trouble { tone, kind, hosts, what: &what, why, next }.item()
}

fn told(run: &PastRun) -> Markup {
    let told = run.steps().filter(|step| !step.told.is_empty());
    troubles(told.map(|step| Trouble {
        tone: Tone::Warning,
        kind: "note",
        hosts: step.host.iter().collect(),
        what: &step.title,
        why: Vec::new(),
        next: step.told.iter().flat_map(|text| past_run::lines_of(text)).collect(),
    }))
}

fn plan(run: &PastRun, pass: &PastPass, at: usize) -> Markup {
    let timeline = Timeline::of_past(run, pass);
    let remarks: Markup = pass
        .notes
        .iter()
        .map(|remark| note(Tone::Quiet, &remark.text, &remark.host.iter().collect::<Vec<_>>()))
        .collect();
    let remarks = (!remarks.is_empty()).then(|| element("ul").class("notes").holds(remarks));
    let halts: Markup = past_run::halts(pass).map(|line| note(Tone::Warning, &line, &[])).collect();
    let halts = (!halts.is_empty()).then(|| element("ul").class("notes").holds(halts));
    let outline = capital(&past_run::outline(pass, run));
    Markup::from(paragraph(&format!("{outline}.")))
        .and(remarks.into_iter().chain(halts).collect::<Markup>())
        .and(timeline.markup())
        .and(longest(pass, &timeline))
        .and(steps(pass, &timeline, at))
        .and(changes(pass, at))
}

fn verified(verified: &Verified) -> Markup {
    let findings = past_run::findings(verified);
    let (tone, words) = match (verified.healthy, is_healthy(&findings)) {
        (true, true) => (Tone::Good, "Nothing was left to change, and no error was found."),
        (false, _) | (_, false) => (Tone::Bad, "The cluster was not healthy."),
    };
    Markup::from(element("p").holds(tone.mark()).text(words)).and(finding_troubles(&findings))
}

fn unread(run: &PastRun) -> Markup {
    if run.unread_lines == 0 {
        return Markup::default();
    }
    let words =
        format!("{} of the journal could not be read and is not above:", counted(run.unread_lines, "line"));
    let lines =
        run.unread.iter().map(|unread| element("li").text(format!("line {}: {}", unread.line, unread.why)));
    let rest = run.unread_lines.saturating_sub(run.unread.len());
    let rest = (rest > 0).then(|| element("li").text(format!("… and {rest} more")));
    let list = element("ul").each(lines).each(rest);
    Markup::from(element("p").holds(Tone::Warning.mark()).text(words)).and(list)
}

/// The command that finds the hosts' own lines.
fn trail(run: &PastRun) -> Markup {
    let known = past_run::known_to_hosts(run);
    if known.is_empty() {
        return Markup::default();
    }
    let hosts: Vec<&HostName> = run.hosts().iter().collect();
    let on = folded(&hosts);
    let lines = known.iter().map(|run| command(&format!("journalctl -t rabbitup RABBITUP_RUN={run}")));
    Markup::from(paragraph(&format!("For root, on {on}:"))).and(lines.collect::<Markup>())
}
