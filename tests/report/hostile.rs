//! Output of a host can never control the reader's terminal: every text in the facts, a plan and a run's events is replaced by a
//! hostile one, and all texts for people are built from them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use rabbitup::apply::{Event, FailureKind, StepFailure};
use rabbitup::cluster::health;
use rabbitup::document::{Graphics, Problem, Source, report};
use rabbitup::facts::{
    BrokerState, Facts, Observation, QueueFacts, QueueKind, Unreachable, UnreachableCause,
};
use rabbitup::model::{self, Advice, Cause, DigestKey, NodeName, Version, steers};
use rabbitup::plan::{Note, Options, Phase, Plan, PlanError, Refusal, RefusalKind, plan};
use rabbitup::playbook::Playbook;
use rabbitup::report::{
    Clock, Detail, Display, JsonLines, PlainLines, Routes, Status, Style, Summary, error_text, plan_text,
    refusals_text, status_text, unreachable_text,
};
use rabbitup::template::Templates;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::fixtures::{NOW, bring_up, desired, facts, host, next, node_of};

/// Texts with terminal control characters, and with characters that hide text.
const HOSTILE: [&str; 7] = [
    "\u{1b}[2J\u{1b}[Hsafe",
    "q\u{1b}]0;title\u{7}",
    "\u{9b}31mred",
    "a\rb\u{8}c\u{7f}",
    "x\u{202e}txet\u{2066}",
    "one\nHealthy: 3 of 3 nodes run.\ntwo",
    "\u{2028}\u{feff}\u{e0041}\0",
];

/// A value and the positions in it that can contain any text.
struct Poisonable {
    value: Value,
    places: Vec<String>,
}

impl Poisonable {
    /// Finds the positions by trying: host names and fixed choices are rejected and cannot be hostile.
    fn new<T: Serialize + DeserializeOwned>(value: &T) -> Self {
        let value = serde_json::to_value(value).expect("it has a JSON form");
        let mut places = Vec::new();
        texts(&value, String::new(), &mut places);
        places.retain(|place| {
            let mut tried = value.clone();
            *tried.pointer_mut(place).expect("it was found there") =
                Value::String("any\u{1b} text".to_owned());
            serde_json::from_value::<T>(tried).is_ok()
        });
        assert!(places.len() > 20, "so much can be hostile: {}", places.len());
        Self { value, places }
    }

    /// The value with `payload` in all of these positions.
    fn with<T: DeserializeOwned>(&self, payload: &str) -> T {
        let mut value = self.value.clone();
        for place in &self.places {
            *value.pointer_mut(place).expect("it was found there") = Value::String(payload.to_owned());
        }
        serde_json::from_value(value).expect("each of them was tried")
    }
}

static FACTS: LazyLock<Poisonable> =
    LazyLock::new(|| Poisonable::new(&facts(&desired(3, 1), Version::new(3, 10, 8))));
static PLAN: LazyLock<Poisonable> = LazyLock::new(|| Poisonable::new(&bring_up()));

fn texts(value: &Value, path: String, into: &mut Vec<String>) {
    match value {
        Value::String(_) => into.push(path),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| texts(item, format!("{path}/{at}"), into));
        }
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            texts(value, format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), into);
        }),
        _ => {}
    }
}

/// Asserts that a text contains only printable characters, newlines and, with colours, the sequences that set them.
#[track_caller]
fn assert_tame(what: &str, text: &str) {
    let mut plain = String::new();
    let mut parts = text.split("\u{1b}[");
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (numbers, rest) = part.split_once('m').unwrap_or(("?", part));
        assert!(numbers.chars().all(|c| c.is_ascii_digit() || c == ';'), "{what}: {text:?}");
        plain.push_str(rest);
    }
    assert!(plain.chars().all(|c| c == '\n' || !steers(c)), "{what}: {text:?}");
    // A host's text cannot imitate a line of the report.
    assert!(!text.lines().any(|line| line.starts_with("Healthy: 3 of 3 nodes run.")), "{what}: {text}");
}

fn styles() -> Vec<Style> {
    // The full output for a pipe, and a narrow one.
    vec![Style::plain(100).with_detail(Detail::Full), Style::plain(44)]
}

fn poisoned_facts(payload: &str) -> Facts {
    let mut facts: Facts = FACTS.with(payload);
    let queue = QueueFacts {
        vhost: payload.to_owned(),
        name: payload.to_owned(),
        kind: QueueKind::Quorum,
        durable: true,
        exclusive: false,
        leader: None,
        replicas: vec![NodeName::rabbit(&host("node1"))],
        in_sync: Vec::new(),
        wanted: Some(3),
        messages: Some(7),
        bindings: None,
    };
    for name in ["node1", "node3"] {
        let node = node_of(&mut facts, name);
        (node.alarms, node.plugins) = (vec![payload.to_owned()], vec![payload.to_owned()]);
        (node.holdings.vhosts, node.holdings.users) = (vec![payload.to_owned()], vec![payload.to_owned()]);
        (node.disabled_feature_flags, node.mirroring_policies) =
            (vec![payload.to_owned()], vec![payload.to_owned()]);
        node.queues = vec![queue.clone()];
    }
    facts.host_mut(&host("node2")).expect("it was reached").broker = BrokerState::Unknown(payload.to_owned());
    facts
}

fn unreached(payload: &str) -> Facts {
    let why = Unreachable { cause: UnreachableCause::Garbled, evidence: format!("{payload}\n{payload}") };
    Facts { hosts: BTreeMap::from([(host("node1"), Observation::Unreachable(why))]) }
}

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("paper").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The output of a run in which every step prints hostile text, one fails, and the rest is given up.
fn run_of(plan: &Plan, payload: &str, style: Style) -> Vec<(&'static str, String)> {
    let (paper, lines) = (Paper::default(), Paper::default());
    let time = Arc::new(Mutex::new(Duration::ZERO));
    let hands = time.clone();
    let clock = Clock::from_fn(move || *hands.lock().expect("time"));
    let mut plain = PlainLines::new(plan, paper.clone(), clock, style);
    let mut json = JsonLines::new(lines.clone());
    let mut summary = Summary::default();
    let (first, last) = (&plan.steps[0], &plan.steps[plan.steps.len() - 1]);
    let failure = StepFailure {
        kind: FailureKind::Command,
        code: Some(3),
        cause: Cause::new(payload, payload),
        output: vec![payload.to_owned(); 3],
    };
    let (step, host) = (first.id.clone(), first.host.clone());
    let events = [
        Event::ApplyStarted { steps: 2, hosts: vec![host.clone()] },
        Event::StepStarted { step: step.clone(), host: host.clone() },
        Event::StepOutput { step: step.clone(), host: host.clone(), line: payload.to_owned() },
        Event::Interrupted { running: vec![step.clone()] },
        Event::StepFailed { step: step.clone(), host, elapsed: Duration::ZERO, failure },
        Event::StepBlocked { step: last.id.clone(), host: last.host.clone(), because_of: step.clone() },
        Event::Abandoned { running: vec![step] },
    ];
    for event in &events {
        *time.lock().expect("time") += Duration::from_secs(30);
        [&mut plain as &mut dyn Display, &mut json].into_iter().for_each(|display| {
            display.event(event);
            display.tick();
        });
        summary.event(event);
    }
    plain.finish();
    let text = |paper: Paper| String::from_utf8(paper.0.lock().expect("paper").clone()).expect("UTF-8");
    vec![("lines", text(paper)), ("JSON lines", text(lines)), ("summary", summary.text(plan, &next(), style))]
}

#[test]
fn no_fact_controls_the_terminal() {
    for payload in HOSTILE {
        let desired = desired(3, 1);
        let facts = poisoned_facts(payload);
        let playbook = Playbook::load("bring-up", Path::new("/nonexistent")).expect("the embedded playbook");
        let templates = Templates::new(&BTreeMap::new()).expect("the embedded templates");
        let findings = health(&desired, &facts);
        let status = Status { desired: &desired, facts: &facts, findings: &findings, now: NOW };
        for style in styles() {
            assert_tame("status", &status_text(&status, style));
            match plan(&desired, &playbook, &templates, &facts, &Options::new(DigestKey::fixed(7))) {
                Ok(plan) => assert_tame("plan", &plan_text(&plan, style)),
                Err(refused) => assert_tame("refusals", &refusals_text(&refused, style)),
            }
            let silent = unreached(payload);
            assert_tame("unreachable", &unreachable_text(&silent, &Routes::from(&desired), style));
            let mut problem = model::Problem::new(payload, payload, payload).on(&host("node1"));
            problem.cause.next.push(Advice::Command(payload.to_owned()));
            let refusal =
                Refusal { kind: RefusalKind::OwnData, phase: Phase::Join, problem: problem.clone() };
            assert_tame("refusal", &refusals_text(&PlanError(vec![refusal]), style));
            assert_tame("error", &error_text(&problem, style));
        }
    }
}

#[test]
fn no_plan_and_no_run_controls_the_terminal() {
    for payload in HOSTILE {
        let mut plan: Plan = PLAN.with(payload);
        // The steps keep their names, so that events can refer to them.
        for (step, known) in plan.steps.iter_mut().zip(bring_up().steps) {
            (step.id, step.after) = (known.id, known.after);
        }
        plan.notes.push(Note { host: None, text: payload.to_owned() });
        for style in styles() {
            assert_tame("plan", &plan_text(&plan, style));
            for (what, text) in run_of(&plan, payload, style) {
                assert_tame(what, &text);
            }
        }
    }
}

#[test]
fn no_document_controls_the_terminal() {
    for payload in HOSTILE {
        let source = Source::new(Path::new(payload), format!("key = \"{payload}\"\n"));
        let problem = Problem::error(payload).at(&source, 0..5, payload).hint(payload);
        for look in [Graphics::Unicode, Graphics::Ascii, Graphics::Colour] {
            assert_tame("problem", &report([&problem], 80, look));
        }
    }
}

#[test]
fn a_line_of_a_megabyte_is_truncated() {
    let long = "x".repeat(1 << 20);
    let mut facts = facts(&desired(3, 1), Version::new(3, 10, 8));
    facts.host_mut(&host("node2")).expect("it was reached").broker = BrokerState::Unknown(long.clone());
    let mut plan = bring_up();
    (plan.steps[0].title, plan.steps[1].diff) = (long.clone(), Some(format!("+{long}\n")));
    let desired = desired(3, 1);
    let findings = health(&desired, &facts);
    let status = Status { desired: &desired, facts: &facts, findings: &findings, now: NOW };
    let texts = [
        status_text(&status, Style::plain(100)),
        unreachable_text(&unreached(&long), &Routes::from(&desired), Style::plain(100)),
        plan_text(&plan, Style::plain(100)),
    ];
    for text in texts {
        let words: Vec<&str> = text.split_whitespace().collect();
        assert!(
            words.windows(2).any(|pair| pair[0] == "(cut:" && pair[1].starts_with("1048")),
            "{text:.300}"
        );
        assert!(text.len() < 1 << 19, "{} bytes", text.len());
    }
}
