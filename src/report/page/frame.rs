//! The frame of every page: one file that loads nothing, and that works without JavaScript.

use std::time::SystemTime;

use base64::prelude::{BASE64_STANDARD, Engine};
use sha2::{Digest, Sha256};

use super::markup::{Element, Markup, element};
use super::tone::Tone;
use crate::history::Moment;

const DOCTYPE: &str = "<!doctype html>\n";
const STYLE: &str = include_str!("style.css");

/// A page: what it is about, what it says in one sentence, and its sections.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// The command that made it, as in `rabbitup plan`.
    pub command: &'static str,
    /// What it is about: a cluster's name.
    pub subject: String,
    pub verdict: (Tone, String),
    pub made: Made,
    pub sections: Vec<Section>,
}

/// Who made a page, from what, and when.
#[derive(Clone, Debug)]
pub struct Made {
    /// `USER@MACHINE`.
    pub by: String,
    pub at: SystemTime,
    /// The inventory, as it was named.
    pub from: String,
}

/// A part of a page, which its contents list.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// Its anchor.
    pub id: String,
    pub title: &'static str,
    pub body: Markup,
}

impl Section {
    /// None if there is nothing in it.
    pub(super) fn of(id: impl Into<String>, title: &'static str, body: Markup) -> Option<Self> {
        (!body.is_empty()).then(|| Self { id: id.into(), title, body })
    }
}

impl Page {
    /// The page as the text of a file.
    pub(super) fn html(&self) -> String {
        let title = format!("{} – {}: {}", self.command, self.subject, self.verdict.1);
        let head = element("head")
            .holds(element("meta").with("charset", "utf-8"))
            .holds(element("meta").with("http-equiv", "Content-Security-Policy").with("content", policy()))
            .holds(
                element("meta")
                    .with("name", "viewport")
                    .with("content", "width=device-width, initial-scale=1"),
            )
            .holds(element("meta").with("name", "color-scheme").with("content", "light dark"))
            .holds(element("meta").with("name", "referrer").with("content", "no-referrer"))
            .holds(element("meta").with("name", "robots").with("content", "noindex"))
            .holds(generator())
            .holds(element("title").text(title));
        let skip = element("a").class("skip").with("href", "#main").text("Skip to the contents");
        let main = element("main").with("id", "main").each(self.sections.iter().map(section));
        let body = element("body").holds(skip).holds(self.header()).holds(main).holds(self.footer());
        let (head, body) = (Markup::from(head), Markup::from(body));
        // Its own style is the only text that is not escaped: with quotes escaped it would mean something else.
        let head = head.as_str().trim_end_matches("</head>");
        format!(
            "{DOCTYPE}<html lang=\"en\">\n{head}<style>{STYLE}</style></head>\n{}\n</html>\n",
            body.as_str()
        )
    }

    fn header(&self) -> Element {
        let (tone, words) = &self.verdict;
        let link = |section: &Section| {
            let target = element("a").with("href", format!("#{}", section.id)).text(section.title);
            element("li").holds(target)
        };
        let contents = element("nav")
            .with("aria-label", "Contents")
            .holds(element("ul").each(self.sections.iter().map(link)));
        // One section needs no list of contents.
        let contents = (self.sections.len() > 1).then_some(contents);
        element("header")
            .holds(element("p").class("command").text(self.command))
            .holds(element("h1").text(&self.subject))
            .holds(
                element("p")
                    .with("class", format!("verdict {}", tone.class()))
                    .holds(tone.mark())
                    .text(words),
            )
            .holds(self.made.line())
            .each(contents)
    }

    fn footer(&self) -> Element {
        let words = format!(
            "Made by rabbitup {}. This file loads nothing. It has no secrets, but much detail about your hosts.",
            env!("CARGO_PKG_VERSION")
        );
        element("footer").holds(element("p").text(words))
    }
}

impl Made {
    fn line(&self) -> Element {
        let at = String::from(Moment::from(self.at));
        let shown = at.split_once('.').map_or(at.as_str(), |(whole, _)| whole).replace('T', " ");
        let time = element("time").with("datetime", &at).text(format!("{shown} UTC"));
        element("p")
            .class("made")
            .text("Page made ")
            .holds(time)
            .text(format!(" by {} from ", self.by))
            .holds(element("code").text(&self.from))
    }
}

fn section(section: &Section) -> Element {
    let heading = format!("{}-heading", section.id);
    element("section")
        .with("id", &section.id)
        .with("aria-labelledby", &heading)
        .holds(element("h2").with("id", heading).text(section.title))
        .holds(section.body.clone())
}

/// What tells a page of rabbitup from any other file.
fn generator() -> Element {
    element("meta").with("name", "generator").with("content", "rabbitup")
}

/// Whether the beginning of a file is that of a page which rabbitup wrote.
pub(crate) fn is_page(begin: &str) -> bool {
    begin.starts_with(DOCTYPE) && begin.contains(Markup::from(generator()).as_str())
}

/// Nothing is loaded, run or sent; the one style is known by its digest, so that none other is applied.
fn policy() -> String {
    let digest = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
}
