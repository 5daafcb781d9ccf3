//! What a leaving node may take with it, compared in a real shell.

use std::process::Command;

const QUEUES: &str = include_str!("steps/queues.sh");
const LEAVING: &str = include_str!("steps/leaving.sh");

/// Why these copies may not go; none where the node's answer is no answer.
fn beyond(copies: &str, may_go: &str) -> Option<String> {
    let script = format!("set -eu\n{QUEUES}\n{LEAVING}\nbeyond_consent \"$1\" \"$2\"");
    let output = Command::new("sh").args(["-c", &script, "sh", copies, may_go]).output().expect("sh runs");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

#[test]
fn nothing_goes_that_nobody_consented_to() {
    for (copies, may_go, wanted) in [
        ("0 0 0 0", "0 0", Some("")),
        // An empty queue is one, too.
        ("1 0 0 0 b3JkZXJz", "0 0", Some("1 queue, where 0 may go: orders")),
        ("2 0 14 0 b3JkZXJz bWFpbA==", "2 0", Some("")),
        ("2 0 99 0 b3JkZXJz bWFpbA==", "2 0", Some("")),
        ("1 0 14 0 b3JkZXJz", "2 0", Some("")),
        ("3 0 14 0 YQ== Yg== Yw==", "2 0", Some("3 queues, where 2 may go: a b c")),
        ("2 1 14 0 YQ== Yg==", "2 0", Some("1 queue not counted, of 2: a b")),
        ("2 1 14 0 YQ== Yg==", "2 1", Some("")),
        ("9000 300 14 0 YQ== Yg== Yw== ZA== ZQ==", "any any", Some("")),
        ("2 0 14 1 YQ== Yg==", "any any", Some("publishing to 1 of them cannot be closed: a b")),
        ("6 0 0 0 YQ== Yg== Yw== ZA== ZQ==", "0 0", Some("6 queues, where 0 may go: a b c d e and more")),
        ("", "any any", None),
        ("2 0", "any any", None),
        ("{badrpc,nodedown}", "any any", None),
        ("no answer: ", "0 0", None),
    ] {
        assert_eq!(beyond(copies, may_go).as_deref(), wanted, "of {copies:?} with {may_go}");
    }
}
