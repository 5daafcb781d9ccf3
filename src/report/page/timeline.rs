//! When each step of a run began and ended, what waited for what, and which steps made the run as long as it was.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use super::markup::{Element, Markup, element};
use super::parts::paragraph;
use crate::apply::FailureKind;
use crate::cluster::phrases::grouped;
use crate::history::{Moment, PastPass, PastRun, PastStep, StepState};
use crate::model::HostName;
use crate::report::words::duration;

/// The steps of a run as bars. The order of the hosts is that of their first bars.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    pub bars: Vec<Bar>,
}

/// One step that was begun. Times count from the run's start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    pub host: HostName,
    /// Its id, unique in the run: `node1/start`.
    pub step: String,
    /// What it does, in the imperative.
    pub title: String,
    pub begin: Duration,
    /// Of a step whose end nobody saw, when the run gave it up.
    pub end: Duration,
    pub outcome: BarOutcome,
    /// The ids of the steps of other hosts that it had to wait for. Those that are not bars are left out.
    pub waited_for: Vec<String>,
}

/// How a step that was begun ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarOutcome {
    Done,
    Failed,
    /// Nobody knows how it ended: the connection was lost, or it was given up.
    GivenUp,
}

const NAME: usize = 16;
const AXIS: usize = 26;
/// Up to so many hosts, bars are high enough for titles.
const HIGH: usize = 12;
/// From this part of the whole on, such a bar has its title in it.
const LABELLED: f64 = 4.0;

impl Timeline {
    /// The steps of a plan that were begun.
    pub(super) fn of_past(run: &PastRun, pass: &PastPass) -> Self {
        let first = || pass.steps.iter().filter_map(|step| step.began).min();
        let Some(start) = pass.began.or_else(first) else { return Self::default() };
        // What nobody saw end is drawn until the plan was given up, or the journal ends.
        let given_up = pass.ended.map_or(run.last, |(at, _)| at);
        Self { bars: pass.steps.iter().filter_map(|step| Bar::of_past(step, start, given_up)).collect() }
    }

    /// From the run's start to the end of its last step.
    pub(super) fn length(&self) -> Duration {
        self.bars.iter().map(|bar| bar.end).max().unwrap_or_default()
    }

    /// The steps that made the run as long as it was, the last one first: of the steps that one waited for, and the one before it
    /// on its host, always the one that ended last.
    pub fn critical_path(&self) -> Vec<&Bar> {
        let by_id: HashMap<&str, usize> = self.places().map(|(at, bar)| (bar.step.as_str(), at)).collect();
        // Of each host by their ends: a journal may have very many.
        let mut of_host: HashMap<&HostName, Vec<usize>> = HashMap::new();
        self.places().for_each(|(at, bar)| of_host.entry(&bar.host).or_default().push(at));
        of_host.values_mut().for_each(|own| own.sort_by_key(|at| self.bars[*at].end));
        let (mut way, mut seen) = (Vec::new(), HashSet::new());
        let mut next = self.places().max_by_key(|(_, bar)| bar.end).map(|(at, _)| at);
        while let Some(at) = next {
            let bar = &self.bars[at];
            way.push(bar);
            seen.insert(at);
            // Times that make no sense lead nowhere, and never in a circle.
            let fits = |other: &usize| self.bars[*other].end <= bar.begin && !seen.contains(other);
            let own = of_host.get(&bar.host).map(Vec::as_slice).unwrap_or_default();
            let before = own.partition_point(|other| self.bars[*other].end <= bar.begin);
            let own = own[..before].iter().rev().copied().find(fits);
            let waited = bar.waited_for.iter().filter_map(|id| by_id.get(id.as_str()).copied()).filter(fits);
            next = own.into_iter().chain(waited).max_by_key(|other| self.bars[*other].end);
        }
        way
    }

    fn places(&self) -> impl Iterator<Item = (usize, &Bar)> {
        self.bars.iter().enumerate()
    }

    /// The picture. Empty without bars.
    pub(super) fn markup(&self) -> Markup {
        if self.bars.is_empty() {
            return Markup::default();
        }
        let critical: BTreeSet<&str> = self.critical_path().iter().map(|bar| bar.step.as_str()).collect();
        let words = "A bar is a step, from its begin to its end. Bars with a thick rim made the run as long as it was \
                     (★ in the tables); a dotted line leads from what such a step waited for.";
        Markup::from(paragraph(words)).and(self.picture(&critical))
    }

    fn picture(&self, critical: &BTreeSet<&str>) -> Element {
        let hosts = grouped(self.bars.iter().map(|bar| (&bar.host, bar)));
        let bar = if hosts.len() <= HIGH { 24 } else { 8 };
        let scale = Scale { whole: self.length().as_secs_f64().max(0.001), bar };
        let row = NAME + 6 + bar + 8;
        let height = AXIS + row * hosts.len();
        let rows: HashMap<&HostName, usize> =
            hosts.iter().enumerate().map(|(place, (host, _))| (*host, AXIS + row * place)).collect();
        let row_of = |host: &HostName| rows.get(host).copied().unwrap_or(AXIS);
        let names = hosts.iter().map(|(host, bars)| {
            let name =
                element("text").class("host-name").with("x", 0).with("y", row_of(host) + NAME).text(host);
            // A short bar has no room for words, and a rim alone is a colour.
            name.each(
                worst(bars).map(|(class, words)| element("tspan").class(class).with("dx", 8).text(words)),
            )
        });
        let bars = self.bars.iter().map(|bar| bar.drawn(&scale, row_of(&bar.host), critical));
        let middle = |of: &Bar| row_of(&of.host) + NAME + 6 + bar / 2;
        let way = self.critical_path();
        let pairs = way.iter().zip(way.iter().skip(1)).filter(|(bar, before)| bar.host != before.host);
        let waits = pairs.flat_map(|(bar, before)| {
            let (from, to) = (scale.at(before.end), scale.at(bar.begin));
            [
                wait((from, middle(before)), (to, middle(before))),
                wait((to, middle(before)), (to, middle(bar))),
            ]
        });
        let drawing = element("svg")
            .with("height", height)
            .with("role", "img")
            .with("aria-label", "The run as bars, one row for each host. The tables below have the same.")
            .each(scale.axis(height))
            .each(names)
            .each(bars)
            .each(waits);
        element("div").class("timeline").holds(drawing)
    }
}

/// What went wrong on a host, in words beside its name.
fn worst(bars: &[&Bar]) -> Option<(&'static str, &'static str)> {
    let any = |outcome: BarOutcome| bars.iter().any(|bar| bar.outcome == outcome);
    if any(BarOutcome::Failed) {
        Some(("bad", "✘ failed"))
    } else if any(BarOutcome::GivenUp) {
        Some(("warning", "▲ end not known"))
    } else {
        None
    }
}

impl Bar {
    /// None if it never began.
    fn of_past(step: &PastStep, start: Moment, given_up: Moment) -> Option<Self> {
        let begin = step.began?.since(start).unwrap_or_default();
        let (outcome, took) = match &step.state {
            StepState::Succeeded(took) => (BarOutcome::Done, *took),
            StepState::Failed(took, failure) => match failure.kind {
                FailureKind::GivenUp | FailureKind::ConnectionLost => (BarOutcome::GivenUp, *took),
                FailureKind::Command
                | FailureKind::TimedOut
                | FailureKind::TakenOver
                | FailureKind::LockLost
                | FailureKind::SecretMissing => (BarOutcome::Failed, *took),
            },
            StepState::Began(_) => (BarOutcome::GivenUp, Duration::ZERO),
            StepState::Planned | StepState::Blocked(_) | StepState::Skipped => return None,
        };
        // By the clock that says when others began, as long as nobody has set it back.
        let end = step.ended.unwrap_or(given_up).since(start).filter(|end| *end >= begin);
        Some(Self {
            host: step.host.clone()?,
            step: step.id.to_string(),
            title: step.title.clone(),
            begin,
            end: end.unwrap_or(begin + took),
            outcome,
            waited_for: step.after.iter().map(ToString::to_string).collect(),
        })
    }

    pub(super) fn length(&self) -> Duration {
        self.end.saturating_sub(self.begin)
    }

    fn drawn(&self, scale: &Scale, row: usize, critical: &BTreeSet<&str>) -> Element {
        let (from, to) = (scale.at(self.begin), scale.at(self.end.max(self.begin)));
        let class = match self.outcome {
            BarOutcome::Done => "done",
            BarOutcome::Failed => "failed",
            BarOutcome::GivenUp => "given-up",
        };
        let class = if critical.contains(self.step.as_str()) {
            format!("{class} critical")
        } else {
            class.to_owned()
        };
        let took = duration(self.length());
        let (x, width) = (percent(from), percent((to - from).max(0.15)));
        let y = row + NAME + 6;
        // Drawn in a picture of its own, which cuts a title that is longer than its bar.
        let is_labelled = scale.bar >= 24 && to - from > LABELLED;
        let label = is_labelled.then(|| {
            let text = element("text").with("x", 6).with("y", 16).text(&self.title);
            let place = element("svg").with("x", &x).with("y", y);
            place.with("width", &width).with("height", scale.bar).with("overflow", "hidden").holds(text)
        });
        element("g")
            .with("class", class)
            .holds(element("title").text(format!("{}: {} ({took})", self.host, self.title)))
            .holds(
                element("rect")
                    .class("bar")
                    .with("x", &x)
                    .with("y", y)
                    .with("width", &width)
                    .with("height", scale.bar)
                    .with("rx", 2),
            )
            .each(label)
    }
}

/// Times as places, in percent of the width: the picture is as wide as the page, and its letters stay as they are.
struct Scale {
    /// In seconds.
    whole: f64,
    /// The height of a bar.
    bar: usize,
}

impl Scale {
    fn at(&self, time: Duration) -> f64 {
        (time.as_secs_f64() / self.whole * 100.0).clamp(0.0, 100.0)
    }

    /// At most six lines, at round times.
    fn axis(&self, height: usize) -> Vec<Element> {
        const ROUND: [u64; 14] = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200];
        let wide = |step: &u64| (*step as f64) * 5.0 >= self.whole;
        let step = ROUND.into_iter().find(wide).unwrap_or((self.whole / 5.0) as u64);
        let times = (0..6).map(|place| Duration::from_secs(place * step.max(1)));
        let inside = times.filter(|time| time.as_secs_f64() <= self.whole);
        inside
            .flat_map(|time| {
                let x = percent(self.at(time));
                let line = element("line").class("axis").with("x1", &x).with("x2", &x);
                // A label at the right rim would leave the page.
                let anchor = if self.at(time) > 90.0 { "end" } else { "start" };
                let label =
                    element("text").class("tick").with("x", &x).with("y", 12).with("text-anchor", anchor);
                [
                    line.with("y1", 16).with("y2", height),
                    label.text(crate::cluster::phrases::span(time.as_secs())),
                ]
            })
            .collect()
    }
}

fn wait((x1, y1): (f64, usize), (x2, y2): (f64, usize)) -> Element {
    element("line")
        .class("wait")
        .with("x1", percent(x1))
        .with("y1", y1)
        .with("x2", percent(x2))
        .with("y2", y2)
}

fn percent(of: f64) -> String {
    format!("{of:.3}%")
}
