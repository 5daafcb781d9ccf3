//! What becomes of a question that a node does not know, in real shells with a node that is made up.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::model::shells::{run_in, shells};
use crate::rabbitmq::internals::{ASKED_BY_STEPS, asking};

const PRELUDE: &str = include_str!("prelude.sh");
/// The files whose functions ask nodes.
const STEPS: &[(&str, &str)] = &[
    ("broker.sh", include_str!("../operation/broker.sh")),
    ("cluster.sh", include_str!("../operation/cluster.sh")),
    ("definitions.sh", include_str!("../operation/definitions.sh")),
    ("rotation.sh", include_str!("../operation/rotation.sh")),
    ("queues.sh", include_str!("../operation/queues.sh")),
    ("membership.sh", include_str!("../operation/membership.sh")),
    ("go_back.sh", include_str!("../operation/go_back.sh")),
    ("roll.sh", include_str!("../operation/roll.sh")),
    ("leave.sh", include_str!("../operation/leave.sh")),
    ("join.sh", include_str!("../operation/join.sh")),
    ("upgrade.sh", include_str!("../operation/upgrade.sh")),
];

/// Of 4.4.0: undef in ra:leader_query/3.
const UNTOLD: &str = r#""untold:dW5kZWYgaW4gcmE6bGVhZGVyX3F1ZXJ5LzM=:NC40LjA=""#;

/// What a script with all steps, in which every node answers `answer`, prints for these commands, and its exit code.
fn with_node(shell: &[&str], answer: &str, commands: &str) -> (i32, String) {
    let steps: String = STEPS.iter().map(|(_, text)| *text).collect();
    let questions: String =
        ASKED_BY_STEPS.iter().map(crate::rabbitmq::internals::Question::assignments).collect();
    let node = format!(
        "node_eval() {{ printf '%s\\n' '{answer}'; }}\nrabbit_tool() {{ echo 'no such command'; return 64; }}\n"
    );
    let script = format!(
        "set -eu\nnonce=N\n{PRELUDE}\nstep=S\n{steps}\n{}{questions}\n{node}\n{commands}\n",
        asking()
    );
    let output = run_in(shell, script.as_bytes());
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), said)
}

/// Conditions that steps wait for, with what they are called with.
const AWAITED: &[(&str, &str)] = &[
    ("is_serving", "rabbit@node1 short"),
    ("listed_by_both", "rabbit@node1 rabbit@node2 short"),
    ("is_not_running", "rabbit@node1 short rabbit@node2"),
    ("no_queue_on", "rabbit@node1 short rabbit@node2"),
    ("has_replicas", "rabbit@node1 short rabbit@node2 '{a, b}'"),
    ("grow_stream", "rabbit@node1 short rabbit@node2 / orders"),
    ("is_in_sync", "rabbit@node1 short / orders 2"),
    ("is_drained", "rabbit@node1 short"),
    ("is_not_drained", "rabbit@node1 short"),
    ("leads_nothing", "rabbit@node1 short"),
    ("all_members_run", "rabbit@node1 short"),
    ("says", "dumped dump_log rabbit@node1 short"),
];

/// Operations without questions about RabbitMQ's internals.
const AWAITED_ELSEWHERE: &[&str] = &["name_is_free"];

/// A step must not wait five minutes for what no answer can ever make true.
#[test]
fn waiting_for_an_unsupported_question_stops_at_once() {
    for (condition, arguments) in AWAITED {
        let commands = format!("await 30 {condition} {arguments} || fail \"it never came true\" \"do this\"");
        let start = Instant::now();
        // No version knows the official commands here.
        let (code, said) = with_node(&["sh"], UNTOLD, &commands);
        assert!(start.elapsed() < Duration::from_secs(15), "{condition} waits: {said}");
        let cause = said.lines().find_map(|line| line.strip_prefix("N cause S ")).unwrap_or_default();
        assert_eq!(code, 1, "{condition}: {said}");
        assert!(
            cause.starts_with("rabbit@node")
                && cause.contains("(RabbitMQ 4.4.0) cannot be asked ")
                && cause.contains("): undef in ra:leader_query/3"),
            "{condition}: {said}"
        );
        assert!(said.contains("N advice S rabbitup knows RabbitMQ up to 4.3.6 "), "{condition}: {said}");
    }
}

/// What no official command tells either.
fn no_fallback(commands: &str) -> String {
    let names = ASKED_BY_STEPS.iter().map(|question| format!("unset -f fallback_{} || :\n", question.name));
    names.chain([commands.to_owned()]).collect()
}

/// A condition that is new in the scripts must stand in one of the two lists above.
#[test]
fn every_condition_that_is_waited_for_is_known_here() {
    let waited: BTreeSet<_> = STEPS
        .iter()
        .flat_map(|(_, text)| text.lines())
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split("await ").skip(1))
        .filter_map(|rest| rest.split_whitespace().nth(1))
        .collect();
    let known: BTreeSet<_> =
        AWAITED.iter().map(|(name, _)| *name).chain(AWAITED_ELSEWHERE.iter().copied()).collect();
    assert_eq!(waited, known);
}

#[test]
fn replicas_that_cannot_be_asked_about_are_not_waited_for() {
    let start = Instant::now();
    let (code, said) =
        with_node(&["sh"], UNTOLD, &no_fallback("await_replicas rabbit@node1 short 30 rabbit@node2"));
    assert!(code == 1 && start.elapsed() < Duration::from_secs(15), "{said}");
    assert!(
        said.contains("N cause S rabbit@node1 (RabbitMQ 4.4.0) cannot be asked whether the replicas on a node have caught up (caught_up): undef"),
        "{said}"
    );
}

/// `ask` of an answer: its status and what it prints.
#[test]
fn an_answer_is_told_or_refused_and_no_other_text_is_decoded() {
    let unread =
        "cannot be asked which queues have a replica on a node (queues_on): its answer cannot be read: ";
    for shell in shells() {
        for (answer, status, words) in [
            (r#""told:cXVvcnVtIEx3PT0gY1E9PQ==""#, 0, "quorum Lw== cQ=="),
            (r#""told:""#, 0, ""),
            // As rabbitmqctl breaks it into lines.
            ("\"told:cXVvcnVtIEx3\"\n \"PT0gY1E9PQ==\"", 0, "quorum Lw== cQ=="),
            (r#""later:bm9wcm9j""#, 2, "noproc"),
            (
                UNTOLD,
                44,
                "(RabbitMQ 4.4.0) cannot be asked which queues have a replica on a node (queues_on): undef in",
            ),
            (r#""told:*""#, 44, unread),
            (r#""told:n""#, 44, unread),
            (r#""untold:n?- :""#, 44, unread),
            (
                "{badrpc, {EXIT, {badarg, lists:member}}}",
                44,
                "cannot be read: {badrpc, {EXIT, {badarg, lists:member}}}",
            ),
            ("", 44, unread),
            ("[]", 44, unread),
        ] {
            let commands =
                "rc=0; ask queues_on rabbit@node1 short \"X = 'n',\" || rc=$?\nprintf 'status %s\\n' \"$rc\"";
            let (_, said) = with_node(shell, answer, commands);
            let (printed, end) = said.trim_end().rsplit_once("status ").unwrap_or_default();
            assert_eq!(end, status.to_string(), "{answer} in {shell:?}: {said}");
            let right = if status == 0 { printed.trim_end() == words } else { printed.contains(words) };
            assert!(right, "{answer} in {shell:?}: {said}");
        }
    }
}

/// A node that is down or boots may answer a moment later.
#[test]
fn a_node_that_does_not_answer_is_asked_again() {
    let node = "node_eval() { [ -e \"$dir/up\" ] || { : >\"$dir/up\"; echo 'erl_call: failed to connect'; return 1; }; printf '\"told:dHJ1ZQ==\"\\n'; }";
    let commands = format!(
        "dir=$(mktemp -d)\ntrap 'rm -r \"$dir\"' EXIT\n{node}\nawait 30 is_serving rabbit@node1 short && echo served"
    );
    let (code, said) = with_node(&["sh"], "", &commands);
    assert!(code == 0 && said.ends_with("served\n"), "{said}");
}

/// What a step did not learn is not that a node is no member: `forget` would be skipped, and called done.
#[test]
fn a_member_of_unknown_state_is_not_removed() {
    let (code, said) =
        with_node(&["sh"], UNTOLD, &no_fallback("forget_node rabbit@node1 short rabbit@node3 '0 0'"));
    assert!(code == 1 && said.contains("rabbit@node3 was not forgotten"), "{said}");
    assert!(said.contains("cannot be asked which nodes are the members of its cluster (members)"), "{said}");
}

/// Behind a pipe a question's failure is lost: its text was decoded as if it were the answer. And whoever writes Erlang into a
/// script asks what no list knows of.
#[test]
fn scripts_ask_by_name_and_hide_no_failure() {
    for (file, text) in STEPS {
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let asks = line.contains("ask ") || line.contains("says ");
            let piped = line.replace("||", "").split("$(printf").next().unwrap_or_default().contains('|');
            assert!(!(asks && piped), "{file} pipes a question: {line}");
            let evaluates = line.contains("node_eval") && !line.starts_with("node_eval() {");
            assert!(!evaluates, "{file} asks what has no name: {line}");
            for theirs in ["rabbit_", "rabbit:", "amqqueue:", "mnesia:", "ra:", "erlang:"] {
                let call = line.match_indices(theirs).any(|(at, _)| {
                    line[at..].split_once(':').is_some_and(|(module, rest)| {
                        module.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                            && rest.starts_with(|c: char| c.is_ascii_lowercase())
                            && rest.contains('(')
                    })
                });
                assert!(!call, "{file} has Erlang of its own: {line}");
            }
        }
    }
}

/// An official command's output in an unknown format does not count as "none" either.
#[test]
fn an_official_command_with_an_unknown_format_is_no_answer() {
    for (question, bindings, output, status, words) in [
        ("members", "", r#"{"disk_nodes":["a@b"],"running_nodes":["a@b"]}"#, 0, "a@b"),
        ("members", "", r#"{"nodes":["a@b"]}"#, 44, "cannot be asked"),
        ("absent", "", r#"{"disk_nodes":["a@b","c@d"],"running_nodes":["a@b"]}"#, 0, "1"),
        (
            "absent",
            "",
            r#"{"disk_nodes":[{"name":"a"}],"running_nodes":[{"name":"a"}]}"#,
            44,
            "cannot be asked",
        ),
        ("runs", "X = 'c@d',", r#"{"disk_nodes":["a@b"],"running_nodes":["a@b"]}"#, 0, "false"),
        ("drained", "", r#"{"disk_nodes":["a@b"],"running_nodes":["a@b"]}"#, 44, "cannot be asked"),
        ("caught_up", "X = 'a@b',", r#"{"members":["a@b","c@d"],"online":["c@d"]}"#, 1, "1 of 1 are not up"),
        ("caught_up", "X = 'a@b',", r#"{"members":["a@b","c@d"],"online":["c@d","a@b"]}"#, 0, "ok 1"),
        ("caught_up", "X = 'a@b',", r#"{"replicas":["a@b"],"up":["c@d"]}"#, 44, "cannot be asked"),
        ("caught_up", "X = 'a@b',", "[]", 0, "ok 0"),
    ] {
        let commands = format!(
            "rabbit_tool() {{ printf '%s\\n' '{output}'; }}\nrc=0; ask {question} a@b short \"{bindings}\" || rc=$?\nprintf 'status %s\\n' \"$rc\""
        );
        let (_, said) = with_node(&["sh"], UNTOLD, &commands);
        let (printed, end) = said.trim_end().rsplit_once("status ").unwrap_or_default();
        assert!(end == status.to_string() && printed.contains(words), "{question} of {output}: {said}");
    }
}
