//! What a join compares right before it wipes, in a real shell.

use std::process::Command;

const JOIN: &str = include_str!("../operation/join.sh");

/// What may not go, or none where the node's answer is no answer.
fn beyond(held: &str, allowed: &str) -> Option<String> {
    let script = format!("set -eu\n{JOIN}\nbeyond \"$1\" \"$2\"");
    let output = Command::new("sh").args(["-c", &script, "sh", held, allowed]).output().expect("sh runs");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

#[test]
fn nothing_is_deleted_that_the_plan_did_not_count() {
    const NOTHING: &str = "0 0 0 0 0 0 0 0";
    for (held, allowed, wanted) in [
        (NOTHING, NOTHING, Some("")),
        ("1 0 0 0 0 0 0 0", NOTHING, Some("1 queues")),
        ("0 0 0 0 2 0 0 1", NOTHING, Some("2 policies, 1 bindings")),
        ("2 14 1 1 0 0 0 0", "2 14 1 1 0 0 0 0", Some("")),
        ("1 13 0 0 0 0 0 0", "2 14 1 1 0 0 0 0", Some("")),
        ("2 15 1 1 0 0 0 0", "2 14 1 1 0 0 0 0", Some("15 messages")),
        ("9000 0 3 0 0 0 0 0", "9000 any any 0 0 0 0 0", Some("")),
        ("9001 0 3 1 0 0 0 0", "9000 any any 0 0 0 0 0", Some("9001 queues, 1 users")),
        // Unknown is not zero: it goes only where the plan showed it as unknown.
        ("9000 unknown 0 0 0 0 0 0", "9000 any 0 0 0 0 0 0", Some("")),
        ("201 unknown 0 0 0 0 0 0", "201 3 0 0 0 0 0 0", Some("messages that could not be counted")),
        ("1 unknown 0 0 0 0 0 0", NOTHING, Some("1 queues, messages that could not be counted")),
        ("", NOTHING, None),
        ("0 0", NOTHING, None),
        ("{error, timeout}", "any any any any any any any any", None),
    ] {
        assert_eq!(beyond(held, allowed).as_deref(), wanted, "of {held} with {allowed}");
    }
}
