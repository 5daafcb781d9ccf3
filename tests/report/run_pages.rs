//! The page of a run: it says what `history show --json` says, however a run ended, and whatever its journal does not tell.

use std::time::{Duration, Instant, UNIX_EPOCH};

use rabbitup::report::{Made, PastRunDocument, run_page};
use serde_json::Value;

use super::fixtures::NOW;
use super::journals::{self, Lines};

fn html(journal: &str) -> String {
    let (found, run) = journals::found(journal);
    let at = UNIX_EPOCH + Duration::from_secs(NOW);
    run_page(&found, &run, &Made { by: "ann@desk".to_owned(), at, from: "x.jsonl".to_owned() })
}

/// The number beside a name in the summary.
#[track_caller]
fn number(page: &str, name: &str) -> Value {
    let after = page.split_once(&format!("</span>{name}</dt><dd>")).unwrap_or_else(|| panic!("no {name}")).1;
    after.split_once('<').expect("an end").0.parse::<u64>().expect("a number").into()
}

fn document(lines: &Lines) -> Value {
    let (found, run) = journals::found(&lines.text());
    serde_json::to_value(PastRunDocument::new(&found, &run, lines.values())).expect("JSON")
}

#[test]
fn its_numbers_are_those_of_the_document() {
    let runs =
        [journals::bring_up(), journals::all_with("start it"), journals::refused(), journals::many(9, 30)];
    for lines in runs {
        let (page, document) = (html(&lines.text()), document(&lines));
        let run = &document["run"];
        for (name, field) in [
            ("planned", "planned"),
            ("done", "done"),
            ("failed", "failed"),
            ("blocked", "blocked"),
            ("not started", "skipped"),
        ] {
            assert_eq!(number(&page, name), run["steps"][field], "{name} of {}", run["playbook"]);
        }
        assert_eq!(number(&page, "hosts"), run["hosts"].as_array().map_or(0, Vec::len), "hosts");
        let rows = page.matches("<tr><th scope=\"row\">").count();
        let begun = document["events"].as_array().expect("events").iter();
        let begun = begun.filter(|event| event["event"] == "step_started").count();
        assert_eq!(page.matches("class=\"bar\"").count(), begun, "a bar for each step that began");
        assert!(rows >= run["steps"]["planned"].as_u64().expect("a number") as usize, "a row for each step");
    }
}

#[test]
fn what_matters_is_said_first() {
    let said = |journal: &str| {
        let page = html(journal);
        let verdict = page.split_once("class=\"verdict ").expect("a verdict").1;
        verdict.split_once("</p>").expect("an end").0.split_once("</span>").expect("a mark").1.to_owned()
    };
    assert_eq!(said(&journals::bring_up().text()), "Done after 27.1 s: 11 steps on 4 hosts.");
    assert_eq!(
        said(&journals::all_with("start it").text()),
        "Failed after 1 min 1 s. node2: start it: start it"
    );
    assert_eq!(said(&journals::refused().text()), "Refused after 1.2 s. node2: it has data of its own");
    let killed: String = journals::bring_up().text().split_inclusive('\n').take(9).collect();
    assert!(said(&killed).starts_with("Killed. its journal ends at"), "{}", said(&killed));
}

#[test]
fn a_failure_has_its_evidence() {
    let page = html(&journals::all_with("port 5672 is in use").text());
    for words in [
        "failed after 31.0 s, exit code 1",
        "Its last output:",
        "20 earlier lines",
        "Not done because of it:",
        "its end is not known",
        "Plan that ends what the failed run had begun",
        "interrupted: nothing new started after this",
        "The cluster was not healthy.",
        "1 line of the journal could not be read",
        "journalctl -t rabbitup RABBITUP_RUN=port",
        "What rabbitup doctor found after that",
        "cause </span>",
        "consequence </span>",
    ] {
        assert!(page.contains(words), "{words} is missing");
    }
}

/// "What changed last night?"
#[test]
fn it_shows_the_cluster_before_and_after_and_what_each_step_changed() {
    let page = html(&journals::bring_up().text());
    let cluster = page.split_once("id=\"cluster\"").expect("the cluster").1;
    let (before, after) = cluster.split_once("<h3>After</h3>").expect("both");
    for (part, words) in [
        (before, "0 of 3 nodes run."),
        (before, "does not run"),
        (after, "3 of 3 nodes run, 1 load balancer serves them"),
        (after, "sees 3 of 3 nodes"),
        (after, "What they change, and why"),
        (after, "because the host has another"),
        (after, "<ins>+cluster_name = orders\n</ins>"),
        (after, "the same 5 lines as on <a href=\"#plan-1-changes-node1\">node1</a>"),
        (after, "clients use lb1:5672"),
    ] {
        assert!(part.contains(words), "{words} is missing");
    }
    assert_eq!(page.matches("id=\"plan-1-changes-node1\"").count(), 1, "where the link leads");
    let failed = html(&journals::all_with("port in use").text());
    for words in ["failed: </span>", "not done: </span>", "end not known"] {
        assert!(failed.contains(words), "{words} is missing");
    }
}

#[test]
fn what_an_older_journal_does_not_tell_is_unknown() {
    let page = html(&journals::of_older());
    assert_eq!(page.matches("unknown: an older rabbitup did not write it").count(), 3);
    assert!(page.contains("No end."), "nobody knows whether it lives");
    assert_eq!(page.matches("class=\"bar\"").count(), 6, "the steps that it has");
}

/// A page grows with its run, and so does the time to write it.
#[test]
fn a_long_run_stays_readable() {
    let begin = Instant::now();
    let page = html(&journals::many(50, 100).text());
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    assert!(page.len() < 8 << 20, "{} bytes for 5,000 steps", page.len());
    assert_eq!(page.matches("<details class=\"host\"").count(), 50);
    assert_eq!(page.matches(" open=\"\"").count(), 1, "only the host on which a step failed is unfolded");
    assert!(page.contains("node1, node2, node3 and 46 more: "), "many that it waited for are counted");
}
