//! The runs of the past, as text.

use rabbitup::history::{Found, past_run};
use rabbitup::report::{Detail, Style, history_text, past_run_text};

use super::journals;

const FAILED: &str = include_str!("../fuzz/corpus/journal/run.jsonl");

/// A journal whose lines are the first `lines` of the failed run's, without what older versions did not write.
fn of_older(lines: usize) -> String {
    let mut whole = FAILED.lines().take(lines).map(str::to_owned);
    let mut head: serde_json::Value = serde_json::from_str(&whole.next().expect("a head")).expect("JSON");
    let head = head.as_object_mut().expect("an object");
    for field in ["operator", "inventory", "cluster", "rabbitup", "locked", "notes", "seen"] {
        head.remove(field);
    }
    for step in head["steps"].as_array_mut().expect("steps") {
        let step = step.as_object_mut().expect("a step");
        for field in ["host", "phase", "change", "after", "reason", "diff"] {
            step.remove(field);
        }
    }
    let head = serde_json::Value::Object(head.clone()).to_string();
    [head].into_iter().chain(whole).map(|line| line + "\n").collect()
}

/// A run that ended before its first step.
fn early(result: &str, more: &str) -> String {
    format!(
        r#"{{"format_version":1,"at":"2026-11-29T02:00:00.000Z","command":"rabbitup up --yes","playbook":"bring-up","run":"0123456789abcdef0123456789abcdef","plan":null,"hosts":["node1","node2"],"steps":[],"operator":"ci@runner","inventory":"/srv/prod.toml","cluster":null,"rabbitup":"0.1.0","locked":true}}
{more}{{"at":"2026-11-29T02:00:01.200Z","event":"run_ended","result":"{result}","exit_code":1,"code":null,"message":null}}
"#
    )
}

fn found(name: &str, text: &str) -> Found {
    let path = format!("/home/ann/.local/state/rabbitup/journal/{name}.jsonl").into();
    Found { path, bytes: text.len() as u64, run: past_run(text.as_bytes()) }
}

fn list() -> Vec<Found> {
    vec![
        found("20261129T081502Z-7", FAILED),
        found(
            "20261129T081501Z-7",
            &FAILED.lines().take(8).map(|line| format!("{line}\n")).collect::<String>(),
        ),
        found("20261129T020000Z-7", &early("no_changes", "")),
        found("20261129T015900Z-7", &early("unconfirmed", "")),
        found("20261128T020000Z-7", &of_older(14)),
        found("20261127T020000Z-7", &of_older(5)),
        found("20261126T020000Z-7", "\u{1b}[31mno journal\n"),
    ]
}

fn shown(found: &Found, width: usize) -> String {
    past_run_text(found, found.run.as_ref().expect("a journal"), Style::plain(width))
}

#[test]
fn the_list_fits_its_width() {
    for width in [80, 120] {
        let text = history_text(&list(), 9, Style::plain(width));
        assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
        insta::assert_snapshot!(format!("list_{width}"), text);
    }
}

#[test]
fn a_failed_run_is_told_with_its_evidence() {
    let whole = found("20261129T081502Z-7", FAILED);
    insta::assert_snapshot!("failed_80", shown(&whole, 80));
    insta::assert_snapshot!("failed_120", shown(&whole, 120));
    let second = shown(&whole, 80).lines().nth(1).expect("a second line").to_owned();
    assert!(second.starts_with("failed: node2: start rabbit@node2"), "what matters comes first: {second}");
}

/// `doctor` was asked why the nodes do not come together, and said more than that a command ended with an error.
#[test]
fn a_failed_start_is_told_with_what_doctor_found() {
    let diagnosed = r#"{"at":"2026-11-29T08:15:48.900Z","event":"diagnosed","findings":[{"cause":"cookie-differs","host":"node2","peer":"node1","what":"its Erlang cookie is not that of the other nodes","why":"the file's MD5 is 5d41402a on node2\nand 7d793037 on node1","advice":"this gives it the cluster's, and restarts it:\n$ rabbitup -i lab.toml up","consequence":false},{"cause":"does-not-boot","host":"node2","peer":null,"what":"the broker does not start","why":"","advice":"","consequence":true}]}"#;
    let mut lines: Vec<&str> = FAILED.lines().collect();
    lines.insert(14, diagnosed);
    let text = shown(&found("20261129T081502Z-7", &lines.join("\n")), 80);
    assert!(
        text.lines().nth(1).is_some_and(|line| line.starts_with("failed: ")),
        "what failed comes first: {text}"
    );
    let part = text.split_once("\nDiagnosis").expect("a diagnosis").1.split_once("\n\n").expect("an end").0;
    insta::assert_snapshot!("diagnosed_80", format!("Diagnosis{part}"));
}

#[test]
fn a_killed_run_tells_what_may_have_gone_on() {
    let text: String = FAILED.lines().take(11).map(|line| format!("{line}\n")).collect();
    insta::assert_snapshot!("killed_80", shown(&found("20261129T081501Z-7", &text), 80));
}

#[test]
fn what_an_older_journal_does_not_tell_is_unknown() {
    let text = shown(&found("20261128T020000Z-7", &of_older(14)), 80);
    assert!(text.contains("operator:  unknown") && text.contains("cluster:   unknown"), "{text}");
    assert!(text.starts_with("Run 3f2a91c0 of bring-up: failed"), "{text}");
    let cut = shown(&found("20261127T020000Z-7", &of_older(5)), 80);
    assert!(cut.starts_with("Run 3f2a91c0 of bring-up: no end"), "nobody knows whether it lives: {cut}");
}

/// With `-v` it answers what changed last night; without, it says that there is an answer.
#[test]
fn what_changed_is_shown_in_full_with_verbose() {
    let text = journals::bring_up().text();
    let found = found("20261129T081502Z-7", &text);
    insta::assert_snapshot!("changes_80", shown(&found, 80));
    let run = found.run.as_ref().expect("a journal");
    let whole = past_run_text(&found, run, Style::plain(80).with_detail(Detail::Full));
    insta::assert_snapshot!("changes_verbose_80", whole);
}

#[test]
fn a_refused_run_tells_why() {
    let text = early("refused", "").replace(
        r#""message":null"#,
        r#""message":"node2 has data of its own","problems":[{"code":"refused.own-data","host":"node2","what":"it has data of its own","why":"2 queues","advice":"look:\n$ rabbitup status"}]"#,
    );
    insta::assert_snapshot!("refused_80", shown(&found("20261129T020000Z-7", &text), 80));
}

#[test]
fn an_unknown_event_and_a_torn_line_are_named() {
    let mut lines: Vec<&str> = FAILED.lines().collect();
    lines.insert(2, r#"{"at":"2026-11-29T08:15:04.100Z","event":"moon_rose"}"#);
    lines.push(r#"{"at":"2026-11-29T08:15:0"#);
    let text = shown(&found("20261129T081502Z-7", &lines.join("\n")), 100);
    assert!(text.contains("2 lines of the journal could not be read"), "{text}");
    assert!(text.contains("line 3: this version of rabbitup does not know the event moon_rose"), "{text}");
    assert!(text.contains(&format!("line {}: it is no JSON", lines.len())), "{text}");
}
