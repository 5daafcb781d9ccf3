//! The pages that rabbitup writes, as text: what they load (nothing), and what a host's text does to them (nothing).
//! tests/pages sees them in a browser.

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use rabbitup::cluster::health;
use rabbitup::facts::{BrokerState, Facts};
use rabbitup::inventory::Desired;
use rabbitup::model::{Version, steers};
use rabbitup::plan::Plan;
use rabbitup::report::{
    Bar, BarOutcome, Detail, Details, ErrorCode, ErrorDocument, ErrorKind, FailureCode, Made, PlanPage,
    Status, Timeline, failure_page, run_page, status_page,
};

use super::fixtures::{NOW, bring_up, desired, facts, host, node_of, seen};
use super::journals;

/// Elements that a page may have: none of them runs or loads anything.
const ELEMENTS: [&str; 47] = [
    "html", "head", "meta", "title", "style", "body", "a", "header", "p", "h1", "h2", "h3", "h4", "span",
    "time", "code", "nav", "ul", "ol", "li", "main", "section", "dl", "div", "dt", "dd", "strong", "pre",
    "ins", "del", "details", "summary", "table", "caption", "thead", "tbody", "tr", "th", "td", "footer",
    "svg", "g", "rect", "path", "text", "tspan", "line",
];

/// Attributes that a page may have.
const ATTRIBUTES: [&str; 37] = [
    "dx",
    "lang",
    "charset",
    "http-equiv",
    "content",
    "name",
    "class",
    "href",
    "id",
    "aria-hidden",
    "aria-label",
    "aria-labelledby",
    "datetime",
    "role",
    "tabindex",
    "scope",
    "open",
    "viewBox",
    "width",
    "height",
    "x",
    "y",
    "rx",
    "d",
    "text-anchor",
    "x1",
    "x2",
    "y1",
    "y2",
    "overflow",
    "!doctype",
    "transform",
    "r",
    "cx",
    "cy",
    "title",
    "value",
];

fn made(by: &str) -> Made {
    Made { by: by.to_owned(), at: UNIX_EPOCH + Duration::from_secs(NOW), from: "lab.toml".to_owned() }
}

fn plan_html(plan: &Plan, desired: &Desired, next: &str) -> String {
    PlanPage {
        plan,
        desired,
        made: made(next),
        next: next.to_owned(),
        skipped: Vec::new(),
        detail: Detail::Folded,
    }
    .html()
}

fn status_html(desired: &Desired, facts: &Facts, by: &str) -> String {
    let findings = health(desired, facts);
    let status = Status { desired, facts, findings: &findings, now: NOW };
    status_page(&status, &made(by))
}

/// The tags of a page, each as its name and its attributes with their values. Panics where the page is not well-formed.
fn tags(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let (mut found, mut open) = (Vec::new(), Vec::new());
    let style = page.find("<style>").expect("it has a style") + "<style>".len();
    let style = style..page.find("</style>").expect("its style ends");
    let text = format!("{}{}", &page[..style.start], &page[style.end..]);
    let body = text.strip_prefix("<!doctype html>").expect("it is HTML");
    for part in body.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or_else(|| panic!("a tag without an end: {part}"));
        assert!(!text.contains('>'), "text that is not escaped: {text}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "elements are nested");
            continue;
        }
        let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut attributes = Vec::new();
        while !rest.is_empty() {
            let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("no value: {tag}"));
            let (value, after) = after.split_once('"').unwrap_or_else(|| panic!("no end of a value: {tag}"));
            attributes.push((name.trim_start().to_owned(), value.to_owned()));
            rest = after;
        }
        if name != "meta" {
            open.push(name.to_owned());
        }
        found.push((name.to_owned(), attributes));
    }
    assert_eq!(open, [""; 0], "every element ends");
    found
}

/// A page is well-formed, loads nothing, and every link leads to a place in it.
#[track_caller]
fn assert_sound(page: &str) {
    let tags = tags(page);
    let mut ids = BTreeSet::new();
    for (name, attributes) in &tags {
        assert!(ELEMENTS.contains(&name.as_str()), "an element {name}");
        for (name, value) in attributes {
            assert!(ATTRIBUTES.contains(&name.as_str()), "an attribute {name}=\"{value}\"");
            assert!(name != "id" || ids.insert(value.clone()), "{value} is there twice");
        }
    }
    for (name, value) in tags.iter().flat_map(|(_, attributes)| attributes) {
        if name == "href" || name == "aria-labelledby" {
            assert!(ids.contains(value.trim_start_matches('#')), "{value} leads nowhere");
        }
    }
    assert!(!page.contains("url(") && !page.contains("@import"), "its style loads something");
    assert!(page.chars().all(|c| c == '\n' || !steers(c)), "it has characters that steer");
}

fn timeline(text: &str) -> Timeline {
    let bar = |name: &str, step: &str, (begin, end): (u64, u64), outcome, waited: &[&str]| Bar {
        host: host(name),
        step: step.to_owned(),
        title: text.to_owned(),
        begin: Duration::from_secs(begin),
        end: Duration::from_secs(end),
        outcome,
        waited_for: waited.iter().map(|id| (*id).to_owned()).collect(),
    };
    let bars = vec![
        bar("node1", "node1/packages", (0, 6), BarOutcome::Done, &[]),
        bar("node2", "node2/packages", (0, 9), BarOutcome::Done, &[]),
        bar("node1", "node1/start", (6, 11), BarOutcome::Done, &[]),
        bar("node2", "node2/start", (11, 17), BarOutcome::Failed, &["node1/start", "nobody/knows"]),
        bar("lb1", "lb1/proxy", (2, 3), BarOutcome::GivenUp, &[]),
    ];
    Timeline { bars }
}

fn failure_html(text: &str) -> String {
    let document = ErrorDocument {
        format_version: 1,
        event: "error",
        error: ErrorKind::Locked,
        code: ErrorCode::Other(FailureCode::RunInProgress),
        exit_code: 75,
        message: text,
        why: Some(text),
        next: Some(text),
        commands: &[text.to_owned()],
        details: &Details::None,
    };
    failure_page("rabbitup plan", text.to_owned(), &document, &made(text))
}

fn run_html(journal: &str, by: &str) -> String {
    let (found, run) = journals::found(journal);
    run_page(&found, &run, &made(by))
}

/// All pages, with this text wherever any text can be.
fn pages_with(text: &str) -> Vec<String> {
    let desired = desired(3, 1);
    let mut plan = bring_up();
    for step in &mut plan.steps {
        (step.title, step.reason) = (text.to_owned(), text.to_owned());
        step.diff = Some(format!("+{text}\n-{text}\n"));
    }
    (plan.cluster, plan.playbook) = (Some(text.to_owned()), text.to_owned());
    plan.notes.iter_mut().for_each(|note| note.text = text.to_owned());
    let mut facts = facts(&desired, Version::new(4, 0, 5));
    let node = node_of(&mut facts, "node1");
    (node.erlang, node.cluster_name, node.alarms) = (text.to_owned(), text.to_owned(), vec![text.to_owned()]);
    seen(&mut facts, "node2").broker = BrokerState::Unknown(text.to_owned());
    for backend in &mut seen(&mut facts, "lb1").load_balancer.as_mut().expect("a balancer").backends {
        (backend.server, backend.status, backend.check) = (text.to_owned(), text.to_owned(), text.to_owned());
    }
    vec![
        plan_html(&plan, &desired, text),
        status_html(&desired, &facts, text),
        failure_html(text),
        run_html(&journals::all_with(text).text(), text),
    ]
}

#[test]
fn pages_load_nothing_and_are_well_formed() {
    let fifty = desired(49, 1);
    let more = [
        status_html(&fifty, &facts(&fifty, Version::new(4, 0, 5)), "ann@desk"),
        run_html(&journals::bring_up().text(), "ann@desk"),
        run_html(&journals::refused().text(), "ann@desk"),
        run_html(&journals::of_older(), "ann@desk"),
        run_html(&journals::many(50, 20).text(), "ann@desk"),
    ];
    for page in pages_with("start the broker").into_iter().chain(more) {
        assert_sound(&page);
        assert!(page.contains("default-src 'none'") || page.contains("default-src &#39;none&#39;"));
        assert!(!page.contains("unsafe-inline") && !page.contains("://"), "it names another place");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same elements and attributes, whatever a host says.
    #[test]
    fn no_text_breaks_out_of_a_page(text in prop_oneof![
        "(?s)[<>&\"'=/ a-z;#\u{0}\u{1b}\n-]{1,30}",
        Just("</title></style><script>alert(1)</script>".to_owned()),
        Just("\" onmouseover=\"alert(1)\" x=\"".to_owned()),
        Just("--></pre><img src=x onerror=alert(1)>".to_owned()),
        Just("]]>&lt;svg/onload=alert(1)&gt;".to_owned()),
        "(?s).{1,30}",
    ]) {
        pages_with(&text).iter().for_each(|page| assert_sound(page));
    }
}

#[test]
fn the_critical_path_leads_from_the_end_to_the_begin() {
    let timeline = timeline("x");
    let way: Vec<&str> = timeline.critical_path().iter().map(|bar| bar.step.as_str()).collect();
    assert_eq!(way, ["node2/start", "node1/start", "node1/packages"]);
    assert!(Timeline::default().critical_path().is_empty());
}

/// Steps that seem to wait for each other (clocks that were set) end the way.
#[test]
fn times_without_sense_lead_in_no_circle() {
    let mut timeline = timeline("x");
    for bar in &mut timeline.bars {
        (bar.begin, bar.end) = (Duration::from_secs(5), Duration::from_secs(5));
        bar.waited_for = vec!["node1/start".to_owned(), "node2/start".to_owned()];
    }
    assert!(timeline.critical_path().len() <= timeline.bars.len());
}

#[test]
fn a_page_says_when_who_and_what_next() {
    let page = plan_html(&bring_up(), &desired(3, 1), "rabbitup -i lab.toml up");
    for words in ["2026-09-21 14:13:20 UTC", "rabbitup -i lab.toml up", "lab.toml", "Plan: 10 to add"] {
        assert!(page.contains(words), "{words} is missing");
    }
}
