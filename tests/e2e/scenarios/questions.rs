//! Every question about RabbitMQ's internals, on a running cluster with one queue of each type.

use std::time::Duration;

use rabbitup::model::quote;
use rabbitup::rabbitmq::internals::{
    ASKED_BY_STEPS, CAUGHT_UP, FACTS, Fallback, QUEUES_ON, Question, Release, asking, node_report,
};

use super::queues::declare;
use crate::hosts;
use crate::lab::Lab;
use crate::program::until;
use crate::stage::Stage;

/// As in a step's script.
const SHELL: &str = concat!(
    include_str!("../../../src/apply/prelude.sh"),
    include_str!("../../../src/facts/broker_user.sh"),
    include_str!("../../../src/facts/erl_call.sh"),
    include_str!("../../../src/operation/broker.sh")
);

/// Asks them all, checks that the node itself answers each, and checks the outcome of an unsupported one.
pub fn every_question(stage: &Stage) {
    let lab = &stage.lab;
    let kinds: &[&str] =
        if lab.suite().streams() { &["quorum", "classic", "stream"] } else { &["quorum", "classic"] };
    for kind in kinds {
        declare(stage, 11, "/", &format!("asked-{kind}"), kind);
    }
    let version = hosts::running_version(lab, "node1");
    // In addition to the queues of earlier scenarios.
    let replicated = kinds.len() - 1;
    until("the replicas of new queues are level", Duration::from_secs(60), || {
        let said = told(lab, &CAUGHT_UP, "X = 'rabbit@node1',").ok()?;
        let count: usize = said.strip_prefix("ok ")?.parse().ok()?;
        (count >= replicated).then_some(())
    });
    by_official_commands(lab);
    for question in ASKED_BY_STEPS.iter().filter(|question| is_tried(question, &version)) {
        // Asked by a VM of its own, for each rabbitmq.conf that is written.
        if question.name != "accepts" {
            assert_told(lab, question);
        }
    }
    every_fact(lab, &version);
    unknown(lab);
    for kind in kinds {
        lab.stdout_of("node1", &format!("timeout 60 rabbitmqctl -q delete_queue asked-{kind}"));
    }
}

/// On a new release of testing, the newest tested one counts.
fn is_tried(question: &Question, version: &str) -> bool {
    let releases = Release::ALL;
    let newest = releases.last().expect("there are some");
    let on = releases.iter().find(|release| release.version() == version).unwrap_or(newest);
    question.tried.contains(on)
}

/// What a step binds before the question.
fn bindings(question: &Question) -> &'static str {
    match question.name {
        "runs" | "caught_up" | "synchronise" | "queues_on" => "X = 'rabbit@node2',",
        "release_streams" => "X = 'rabbit@node3',",
        "lacking" => {
            "X = 'rabbit@node2', Queues = [{<<\"/\">>, <<\"asked-quorum\">>}, {<<\"/\">>, <<\"none\">>}],"
        }
        "mirrors" => "Vhost = <<\"/\">>, Name = <<\"asked-classic\">>,",
        "only_copies" | "own_data" => "X = 'rabbit@node1', Close = true,",
        "take_cookie" => "File = \"/var/lib/rabbitmq/.erlang.cookie\",",
        _ => "",
    }
}

fn assert_told(lab: &Lab, question: &Question) {
    let said = told(lab, question, bindings(question))
        .unwrap_or_else(|why| panic!("{} is not told: {why}", question.name));
    let words: Vec<_> = said.split_whitespace().collect();
    let number = |word: &str| word.parse::<u64>().is_ok();
    let good = match question.name {
        "serving" | "runs" => said == "true",
        "members" => said == "rabbit@node1 rabbit@node2 rabbit@node3",
        "links" => words.contains(&"rabbit@node2") && words.contains(&"rabbit@node3"),
        "absent" => said == "0",
        "drained" => said == "false",
        "drain_noted" => said == "noted",
        "leads" => number(&said),
        "caught_up" => said.starts_with("ok "),
        "queues_on" => words.contains(&"quorum") && words.contains(&"YXNrZWQtcXVvcnVt"),
        "release_streams" => said.contains("ok"),
        "lacking" => said.is_empty(),
        "mirrors" => said == "0 mirrors, 0 behind, running",
        "synchronise" => said == "0",
        "database" => said == "open",
        // Queues, among them ours; not counted; messages, of scenarios before; open.
        "only_copies" => {
            words.len() > 4
                && number(words[0])
                && words[0] != "0"
                && words[1] == "0"
                && number(words[2])
                && words[3] == "0"
        }
        "own_data" => words.len() == 8 && words.iter().all(|word| number(word)),
        "reopen" => said == "reopened",
        "mnesia_notes" => said.starts_with("{[") && said.ends_with("]."),
        "dump_log" => said == "dumped",
        "guest_login" => said == "refused",
        "running_cookie" => said.len() == 32,
        "take_cookie" => said == "taken",
        _ => panic!("what {} should say is not known here", question.name),
    };
    assert!(good, "{}: {said}", question.name);
}

/// The node's answer, not an official command's.
fn told(lab: &Lab, question: &Question, bindings: &str) -> Result<String, String> {
    let (code, said, notes) = ask(lab, question, bindings);
    if code == 0 && notes.is_empty() { Ok(said) } else { Err(format!("{code}: {said}\n{notes}")) }
}

/// What `ask` returns and prints, and what it prints into the step's output meanwhile.
fn ask(lab: &Lab, question: &Question, bindings: &str) -> (i32, String, String) {
    let script = format!(
        "nonce=e2e run= operator= plan=\n{SHELL}\n{}{}\nexec 4>/run/e2e-asked\nask {} rabbit@node1 short {}",
        asking(),
        question.assignments(),
        question.name,
        quote(bindings)
    );
    let output = lab.run_on("node1", &script);
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let notes = lab.stdout_of("node1", "cat /run/e2e-asked && rm /run/e2e-asked");
    (output.status.code().unwrap_or(-1), said, notes)
}

/// All facts about a node.
fn every_fact(lab: &Lab, version: &str) {
    assert!(FACTS.iter().all(|(_, fact)| is_tried(fact, version)));
    let script = format!(
        "nonce=e2e\n{SHELL}\nnode_eval rabbit@node1 short {} 10",
        quote(&format!("Admin = <<\"operator\">>,\n{}\nLines", node_report().trim_end()))
    );
    let report = lab.stdout_of("node1", &script);
    assert!(report.contains("\"state running\"") && report.contains("\"end\""), "{report}");
    assert!(!report.contains("\"failed "), "{report}");
}

/// The fallback of an unsupported question, also on this release.
fn by_official_commands(lab: &Lab) {
    for question in ASKED_BY_STEPS {
        let Fallback::Asked(command) = question.fallback else { continue };
        let lost = Question { text: "rabbit_of_another_time:thing()", ..*question };
        let (code, said, notes) = ask(lab, &lost, bindings(question));
        // `list_queues` of 3.8 does not list online members.
        if question.name == "caught_up" && !lab.suite().streams() {
            assert!(code == 44 && said.contains("(caught_up): undef"), "{code}: {said}");
            continue;
        }
        let same = told(lab, question, bindings(question)).expect("the node knows it");
        assert!(code == 0 && said == same, "{}: {code} {said}, not {same}\n{notes}", question.name);
        let wanted = format!("used {command} instead");
        assert!(
            notes.contains(&wanted) && notes.contains("undef in rabbit_of_another_time:thing/0"),
            "{notes}"
        );
    }
}

/// No official command answers it: refused at once, with its name and RabbitMQ's error.
fn unknown(lab: &Lab) {
    for (text, words) in [
        ("rabbit_of_another_time:thing()", "undef in rabbit_of_another_time:thing/0"),
        ("ra:leader_query(nobody, 1, 2, 3, 4)", "undef in ra:leader_query/5"),
        ("maps:get(nodes, #{members => []})", "{badkey,nodes}"),
    ] {
        let lost = Question { text, with: &[], ..QUEUES_ON };
        let (code, said, _) = ask(lab, &lost, "");
        let version = hosts::running_version(lab, "node1");
        let start = format!(
            "rabbit@node1 (RabbitMQ {version}) cannot be asked which queues have a replica on a node (queues_on): "
        );
        assert!(code == 44 && said.starts_with(&start) && said.contains(words), "{code}: {said}");
    }
}
