//! The picture of a cluster: shared addresses, the load balancers that hold them, and behind these the brokers.

use super::markup::{Element, Markup, element};
use super::tone::Tone;
use crate::history::{ClusterSeen, PartSeen};

/// A cluster as boxes. What they say is in the page's lists and tables too.
#[derive(Clone, Debug, Default)]
pub(super) struct Picture {
    /// What it shows, in a sentence, for readers who do not see it.
    pub alternative: String,
    pub addresses: Vec<Figure>,
    pub balancers: Vec<Figure>,
    pub cluster: String,
    pub brokers: Vec<Figure>,
    /// Hosts that are neither.
    pub others: Vec<Figure>,
}

/// One box: a name, and a few words each on a line of its own.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    pub name: String,
    pub lines: Vec<String>,
    pub tone: Tone,
    /// The anchor of what is said about it.
    pub link: Option<String>,
}

/// How the boxes are set.
#[derive(Clone, Copy)]
struct Setting {
    class: &'static str,
    columns: usize,
    width: usize,
    /// How many characters fit in a box.
    letters: usize,
}

/// On a desk or on paper, and on a telephone. A style shows one of them.
const SETTINGS: [Setting; 2] = [
    Setting { class: "wide", columns: 5, width: 176, letters: 24 },
    Setting { class: "narrow", columns: 2, width: 136, letters: 18 },
];
const GAP: usize = 16;
const LINE: usize = 18;
const PADDING: usize = 12;
/// The frame around the brokers, and its name above them.
const RIM: usize = 14;
const TITLE: usize = 26;
const ARROW: usize = 30;

/// The anchors of what a page says about parts of a cluster elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    pub addresses: fn(&str) -> Option<String>,
    pub balancers: fn(&str) -> Option<String>,
    pub brokers: fn(&str) -> Option<String>,
}

impl Links {
    pub(super) const NONE: Self = Self { addresses: |_| None, balancers: |_| None, brokers: |_| None };
}

impl Picture {
    pub(super) fn of_seen(seen: &ClusterSeen, links: Links) -> Self {
        let figures = |parts: &[PartSeen], link: fn(&str) -> Option<String>| {
            let figure = |part: &PartSeen| Figure {
                name: part.name.clone(),
                lines: part.lines.clone(),
                tone: part.condition.into(),
                link: link(&part.name),
            };
            parts.iter().map(figure).collect()
        };
        Self {
            alternative: format!("The cluster as a picture: {}", seen.verdict),
            addresses: figures(&seen.addresses, links.addresses),
            balancers: figures(&seen.balancers, links.balancers),
            cluster: seen.title.clone(),
            brokers: figures(&seen.brokers, links.brokers),
            others: figures(&seen.others, |_| None),
        }
    }

    pub(super) fn markup(&self) -> Markup {
        let drawings = SETTINGS.iter().map(|setting| self.drawing(*setting));
        element("div").class("picture").each(drawings).into()
    }

    fn drawing(&self, setting: Setting) -> Element {
        let rows = [&self.addresses, &self.balancers, &self.brokers, &self.others];
        let most = rows.iter().map(|row| row.len()).max().unwrap_or(1).clamp(1, setting.columns);
        let width = most * (setting.width + GAP) - GAP + 2 * RIM;
        let mut pen = Pen { setting, width, y: 1, marks: Vec::new() };
        for row in [&self.addresses, &self.balancers].into_iter().filter(|row| !row.is_empty()) {
            pen.rows(row, 0);
            pen.arrow();
        }
        pen.cluster(&self.cluster, &self.brokers);
        if !self.others.is_empty() {
            pen.y += GAP;
            pen.rows(&self.others, 0);
        }
        element("svg")
            .class(setting.class)
            .with("viewBox", format!("0 0 {width} {}", pen.y + 1))
            .with("width", width)
            .with("height", pen.y + 1)
            .with("role", "group")
            .with("aria-label", &self.alternative)
            .each(pen.marks)
    }
}

/// Draws from top to bottom.
struct Pen {
    setting: Setting,
    width: usize,
    y: usize,
    marks: Vec<Element>,
}

impl Pen {
    /// Boxes in as many rows as they need, each row in the middle.
    fn rows(&mut self, figures: &[Figure], inset: usize) {
        let Setting { columns, width, .. } = self.setting;
        let lines = figures.iter().map(|figure| figure.lines.len()).max().unwrap_or(0);
        let height = 2 * PADDING + LINE * (lines + 1);
        for row in figures.chunks(columns) {
            let whole = row.len() * (width + GAP) - GAP;
            let left = self.width.saturating_sub(whole) / 2;
            for (at, figure) in row.iter().enumerate() {
                let x = left + at * (width + GAP);
                self.marks.push(figure.drawn((x, self.y), (width, height), self.setting.letters));
            }
            self.y += height + GAP;
        }
        self.y = self.y.saturating_sub(GAP) + inset;
    }

    fn arrow(&mut self) {
        let (x, from, to) = (self.width / 2, self.y + 2, self.y + ARROW - 3);
        let line = format!("M{x} {from}V{to}M{} {}L{x} {to}L{} {}", x - 5, to - 6, x + 5, to - 6);
        self.marks.push(element("path").class("arrow").with("d", line));
        self.y += ARROW;
    }

    fn cluster(&mut self, name: &str, brokers: &[Figure]) {
        let (top, place) = (self.y, self.marks.len());
        self.y += TITLE + RIM / 2;
        self.rows(brokers, RIM);
        let rim = rectangle((1, top), (self.width - 2, self.y - top)).class("rim");
        self.marks.insert(place, rim);
        let letters = 2 * self.setting.letters;
        self.marks.push(words((RIM, top + 20), &fitted(name, letters)).class("name"));
    }
}

impl Figure {
    fn drawn(&self, (x, y): (usize, usize), (width, height): (usize, usize), letters: usize) -> Element {
        let whole = std::iter::once(&self.name).chain(&self.lines).cloned().collect::<Vec<_>>().join(", ");
        let line = |(at, line): (usize, &String)| {
            words((x + PADDING, y + PADDING + LINE * (at + 1) + 13), &fitted(line, letters))
        };
        let name = fitted(&self.name, letters.saturating_sub(5));
        let group = element("g")
            .with("class", format!("figure {}", self.tone.class()))
            .holds(element("title").text(whole))
            .holds(rectangle((x, y), (width, height)).class("box"))
            .holds(words((x + PADDING, y + PADDING + 13), &name).class("name"))
            .holds(
                words((x + width - PADDING, y + PADDING + 13), self.tone.symbol())
                    .class("mark")
                    .with("text-anchor", "end")
                    .with("aria-hidden", "true"),
            )
            .each(self.lines.iter().enumerate().map(line));
        match &self.link {
            Some(anchor) => element("a").with("href", format!("#{anchor}")).holds(group),
            None => group,
        }
    }
}

fn rectangle((x, y): (usize, usize), (width, height): (usize, usize)) -> Element {
    element("rect").with("x", x).with("y", y).with("width", width).with("height", height).with("rx", 6)
}

fn words((x, y): (usize, usize), text: &str) -> Element {
    element("text").with("x", x).with("y", y).text(text)
}

/// SVG wraps nothing: what does not fit ends with an ellipsis, and its box's title has all of it.
fn fitted(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    text.chars().take(letters.saturating_sub(1)).chain(['…']).collect()
}
