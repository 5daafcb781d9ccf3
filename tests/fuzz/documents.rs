//! Documents written by people and programs: inventories, playbooks, definitions, saved plans, and the journal of a run.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use proptest::prelude::*;
use rabbitup::apply::{Event, FailureKind, RunId, RunMark, Stamped, StepFailure, plan_digest};
use rabbitup::document::Graphics;
use rabbitup::history::{Caller, Found, Journal, PassKind, RunEnded, RunResult, past_run};
use rabbitup::inventory::{Loaded, Options, SecretPolicy, load_text};
use rabbitup::model::{Cause, HostName, steers};
use rabbitup::plan::{Plan, StepId};
use rabbitup::playbook::{Arguments, Playbook};
use rabbitup::report::{PlanDocument, Style, history_text, past_run_text, plan_text};

use super::mutation::{MUCH, assert_linear, damaged, kept};

fn read_all(paths: &[&str]) -> Vec<Vec<u8>> {
    paths.iter().map(|path| std::fs::read(path).unwrap_or_else(|_| panic!("{path} is there"))).collect()
}

fn files_of(directory: &str, suffix: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(directory).expect("it is there").flatten().map(|file| file.path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(suffix));
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a file")).collect()
}

fn inventory(bytes: &[u8]) -> Option<Loaded> {
    // As for a file: non-UTF-8 is rejected earlier. And a mutation must not run a command that it creates.
    let text = String::from_utf8_lossy(bytes).replace("command", "cOmmand");
    let options = Options { secrets: SecretPolicy::Tolerate };
    match load_text(Path::new("inventories/it.toml"), &text, options) {
        Ok(loaded) => Some(loaded),
        Err(errors) => {
            let said = errors.render(80, Graphics::Unicode);
            assert!(said.chars().all(|c| c == '\n' || !steers(c)), "{said:?}");
            assert!(said.len() < 1 << 17, "{} bytes of errors", said.len());
            None
        }
    }
}

/// A temporary file with this content, for readers that need a file.
struct Scrap(PathBuf);

impl Scrap {
    fn new(end: &str, content: &[u8]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("rabbitup-fuzz-{}-{number}{end}", std::process::id()));
        std::fs::write(&path, content).expect("a file for temporary use");
        Self(path)
    }
}

impl Drop for Scrap {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn playbook(bytes: &[u8]) {
    let file = Scrap::new(".toml", bytes);
    match Playbook::load(&file.0.to_string_lossy(), Path::new("/nonexistent")) {
        Ok(playbook) => {
            let words =
                ["node=node3", "queue=\u{1b}[2J", "version=4.0.5", "older-than=10m", "x", "=", "vhost"];
            for word in words {
                let _ = Arguments::parse(&playbook, &[word.to_owned()]);
            }
        }
        Err(errors) => {
            let said = errors.render(80, Graphics::Unicode);
            assert!(said.chars().all(|c| c == '\n' || !steers(c)), "{said:?}");
        }
    }
}

fn definitions(bytes: &[u8]) {
    let file = Scrap::new(".json", bytes);
    let text = format!(
        "[cluster]\ndefinitions = \"{}\"\n[[host]]\nname = \"n\"\naddress = \"10.0.0.1\"\nroles = [\"broker\"]\n",
        file.0.display()
    );
    inventory(text.as_bytes());
}

fn saved_plan(bytes: &[u8]) {
    if let Ok(plan) = Plan::from_saved(bytes) {
        let text = plan_text(&plan, Style::plain(80));
        assert!(text.chars().all(|c| c == '\n' || !steers(c)), "{text:?}");
        serde_json::to_string(&PlanDocument::from(&plan)).expect("a document of plain values");
    }
}

fn saved_plans() -> Vec<Vec<u8>> {
    let plans = read_all(&["tests/fuzz/corpus/saved-plan/bring-up.json"]);
    assert!(Plan::from_saved(&plans[0]).is_ok_and(|plan| plan.steps.len() > 10), "the sample is a plan");
    plans
}

fn inventories() -> Vec<Vec<u8>> {
    let all = files_of("inventories", ".toml");
    assert!(all.iter().any(|text| inventory(text).is_some()), "one of them is good");
    all
}

const DEFINITIONS: &str = r#"{"rabbit_version":"4.0.5","users":[{"name":"a","password_hash":"x","tags":["administrator"]}],
"vhosts":[{"name":"/"}],"permissions":[{"user":"a","vhost":"/","configure":".*","write":".*","read":".*"}],
"policies":[{"vhost":"/","name":"p","pattern":".*","definition":{"max-length":1}}],
"queues":[{"name":"q","vhost":"/","durable":true}],"exchanges":[],
"bindings":[{"source":"a","destination":"b","vhost":"/"}]}"#;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_damaged_inventory_brings_the_loader_down(text in damaged(inventories())) {
        inventory(&text);
    }

    #[test]
    fn no_damaged_playbook_brings_the_loader_down(text in damaged(files_of("playbooks", ".toml"))) {
        playbook(&text);
    }

    #[test]
    fn no_damaged_definitions_bring_the_check_down(text in damaged(vec![DEFINITIONS.as_bytes().to_vec()])) {
        definitions(&text);
    }

    #[test]
    fn no_damaged_plan_brings_the_reader_down(text in damaged(saved_plans())) {
        saved_plan(&text);
    }
}

#[test]
fn past_failures_are_fixed() {
    kept("inventory").iter().for_each(|text| drop(inventory(text)));
    kept("playbook").iter().for_each(|text| playbook(text));
    kept("definitions").iter().for_each(|text| definitions(text));
    kept("saved-plan").iter().for_each(|text| saved_plan(text));
}

/// A large text that begins with `before` and repeats one piece.
fn filled(before: &str, piece: impl Fn(usize) -> String, after: &str) -> Vec<u8> {
    let mut text = before.to_owned();
    let mut n = 0;
    while text.len() + after.len() + 64 < MUCH {
        text.push_str(&piece(n));
        n += 1;
    }
    text.push_str(after);
    text.into_bytes()
}

#[test]
fn large_input_is_read_within_a_second() {
    let host = "[[host]]\nname = \"n\"\naddress = \"10.0.0.1\"\nroles = [\"broker\"]\n";
    let fixed = |text: &'static str| move |_: usize| text.to_owned();
    let many_hosts = |n: usize| {
        format!(
            "[[host]]\nname = \"n{n}\"\naddress = \"10.{}.{}.{}\"\nroles = [\"broker\"]\n",
            n >> 16,
            n >> 8 & 255,
            n & 255
        )
    };
    let inventories = [
        (
            "a name",
            filled("[[host]]\nname = \"", fixed("x"), "\"\naddress = \"10.0.0.1\"\nroles = [\"broker\"]\n"),
        ),
        ("a cluster's name", filled(&format!("{host}[cluster]\nname = \""), fixed("é"), "\"\n")),
        ("plugins", filled(&format!("{host}[cluster]\nplugins = ["), |n| format!("\"p{n}\","), "]\n")),
        ("a plugin", filled(&format!("{host}[cluster]\nplugins = [\""), fixed("p"), "\"]\n")),
        ("settings", filled(&format!("{host}[cluster.config]\n"), |n| format!("a{n} = 1\n"), "")),
        ("a setting", filled(&format!("{host}[cluster.config]\na = \""), fixed("x"), "\"\n")),
        ("a key", filled(&format!("{host}[cluster.config]\n"), fixed("a."), "b = 1\n")),
        ("keys that are none", filled(host, |n| format!("x{n} = 1\n"), "")),
        ("tables that are none", filled(host, |n| format!("[x{n}]\n"), "")),
        ("lists in lists", filled("x = ", fixed("["), "")),
        ("tables in tables", filled("x = ", fixed("{a="), "")),
        ("quotes", filled(host, fixed("'"), "")),
        ("equals signs", filled(host, fixed("="), "")),
        ("secrets", filled(host, fixed("password="), "")),
        ("secrets on lines", filled(host, fixed("password=\n"), "")),
        ("quoted secrets", filled(host, fixed("pass='"), "")),
        ("a comment", filled(host, fixed("# \u{1b}[2J"), "")),
        ("hosts", filled("", many_hosts, "")),
        ("hosts of one name", filled("", fixed("[[host]]\nname = \"a\"\naddress = \"a\"\nroles = []\n"), "")),
        (
            "roles",
            filled("[[host]]\nname = \"n\"\naddress = \"10.0.0.1\"\nroles = [", fixed("\"broker\","), "]\n"),
        ),
        ("time servers", filled(&format!("{host}[time]\nservers = ["), |n| format!("\"t{n}\","), "]\n")),
    ];
    for (what, text) in inventories {
        assert_linear(&format!("inventory: {what}"), &text, |text| drop(inventory(text)));
    }
    let head = "name = \"a\"\nsummary = \"b\"\n";
    let playbooks = [
        ("phases", filled(head, fixed("[[phase]]\ndo = \"health\"\n"), "")),
        ("phases that are none", filled(head, |n| format!("[[phase]]\ndo = \"x{n}\"\n"), "")),
        ("a summary", filled("name = \"a\"\nsummary = \"", fixed("x"), "\"\n")),
    ];
    for (what, text) in playbooks {
        assert_linear(&format!("playbook: {what}"), &text, playbook);
    }
    let json = [
        ("lists in lists", filled("", fixed("["), "")),
        ("users", filled("{\"users\":[{\"name\":\"a\"}", |n| format!(",{{\"name\":\"u{n}\"}}"), "]}")),
        ("keys", filled("{\"users\":[]", |n| format!(",\"k{n}\":1"), "}")),
        ("escapes", filled("{\"users\":[{\"name\":\"", fixed("\\ud83d\\udc30"), "\"}]}")),
    ];
    for (what, text) in json {
        assert_linear(&format!("definitions: {what}"), &text, definitions);
        assert_linear(&format!("saved plan: {what}"), &text, saved_plan);
    }
    let plan = String::from_utf8(saved_plans().remove(0)).expect("JSON");
    let (before, after) = plan.split_once("\"reason\": \"").expect("a reason");
    let long = filled(&format!("{before}\"reason\": \""), fixed("\\u001b]0;"), after);
    assert!(Plan::from_saved(&long).is_ok(), "it is a plan all the same");
    assert_linear("saved plan: a reason", &long, saved_plan);
}

fn journals() -> Vec<Vec<u8>> {
    read_all(&["tests/fuzz/corpus/journal/run.jsonl"])
}

/// Reads and shows a journal, and looks at what would be on the screen.
fn shown(journal: &[u8]) {
    let run = past_run(journal);
    let found = Found { path: "/state/20261129T080000Z-7.jsonl".into(), bytes: journal.len() as u64, run };
    let mut text = String::new();
    if let Ok(run) = &found.run {
        text.push_str(&past_run_text(&found, run, Style::plain(80)));
    }
    text.push_str(&history_text(&[found], 1, Style::plain(80)));
    assert!(text.chars().all(|c| c == '\n' || !steers(c)), "{text:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Only people and their tools read a journal: each line is one document, whatever a host printed.
    #[test]
    fn a_journal_is_a_document_on_each_line(said in "(?s).{0,40}", long in 0..2_usize) {
        let plan = Plan::from_saved(&saved_plans()[0]).expect("a plan");
        let brief = said.clone();
        let said = said.repeat(1 + long * 20_000);
        let host = HostName::parse("node1").expect("a name");
        let step = StepId::new(&host, &said);
        let failure = StepFailure {
            kind: FailureKind::Command,
            code: None,
            cause: Cause::known(Some(said.clone()), None),
            output: vec![said.clone()],
        };
        let directory = Scrap::new(".journal", b"").0.clone();
        let _ = std::fs::remove_dir_all(&directory);
        let mark = RunMark { run: Some(RunId::random()), operator: said.clone(), plan: plan_digest(&plan) };
        let caller = Caller {
            command: brief.clone(),
            playbook: brief.clone(),
            operator: brief.clone(),
            inventory: Some(brief.clone().into()),
            cluster: Some(brief.clone()),
            hosts: Vec::new(),
        };
        let journal = Journal::begin(Ok(directory.clone()), caller);
        journal.pass(PassKind::First, &plan, &mark);
        let happens = |event| journal.step(Arc::new(Stamped { at: SystemTime::now(), event }));
        happens(Event::StepOutput { step: step.clone(), host: host.clone(), line: said.clone() });
        happens(Event::StepFailed { step, host, elapsed: std::time::Duration::ZERO, failure });
        let ended = RunEnded {
            result: RunResult::Failed,
            exit_code: 1,
            code: None,
            message: Some(brief.clone()),
            problems: Vec::new(),
        };
        let text = std::fs::read_to_string(journal.end(ended).expect("it is complete")).expect("UTF-8");
        std::fs::remove_dir_all(&directory).expect("it is ours");
        prop_assert!(text.chars().all(|c| c == '\n' || !steers(c)));
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        prop_assert_eq!(lines.len(), 4);
        prop_assert_eq!(lines[1]["line"].as_str(), Some(said.as_str()));
        let run = past_run(text.as_bytes()).expect("what was written is read");
        // The step is none of the plan's, which is said.
        prop_assert_eq!(run.unread_lines, 2);
        prop_assert_eq!(&run.command, &brief);
        shown(text.as_bytes());
    }

    /// Whatever a journal has become, it is told without a panic, and nothing in it reaches the terminal as it is.
    #[test]
    fn any_bytes_are_told_as_a_past_run(mutated in damaged(journals()), at in 0..14_usize, junk in prop::collection::vec(any::<u8>(), 0..200)) {
        let whole = include_bytes!("corpus/journal/run.jsonl");
        shown(&junk);
        shown(&mutated);
        let mut lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        let junk = [b"x".as_slice(), &junk, b"\n"].concat();
        lines.insert(1 + at.min(lines.len() - 1), &junk);
        let run = past_run(&lines.concat()).expect("its head is whole");
        prop_assert!(run.unread_lines >= 1, "a foreign line is named");
    }
}
