//! What a leaving node may take with it, compared in a real shell.

use std::process::Command;

const QUEUES: &str = include_str!("../operation/queues.sh");
const LEAVING: &str = include_str!("../operation/leave.sh");

/// Why these copies may not go; none where the node's answer is no answer.
fn beyond(copies: &str, may_go: &str) -> Option<String> {
    let script = format!("set -eu\n{QUEUES}\n{LEAVING}\nbeyond_consent \"$1\" \"$2\"");
    let output = Command::new("sh").args(["-c", &script, "sh", copies, may_go]).output().expect("sh runs");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

#[test]
fn nothing_is_deleted_without_consent() {
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
        ("2 0 14 1 YQ== Yg==", "any any", Some("publishing to 1 of them cannot be blocked: a b")),
        ("6 0 0 0 YQ== Yg== Yw== ZA== ZQ==", "0 0", Some("6 queues, where 0 may go: a b c d e and more")),
        ("", "any any", None),
        ("2 0", "any any", None),
        ("{badrpc,nodedown}", "any any", None),
        ("no answer: ", "0 0", None),
    ] {
        assert_eq!(beyond(copies, may_go).as_deref(), wanted, "of {copies:?} with {may_go}");
    }
}

/// Whether a node that lets `rabbitmqctl forget_cluster_node` wait has forgotten, and what was said. `open` is what it answers
/// about its database, `ends` how the calls end.
fn forgotten(open: &str, ends: &str) -> (bool, String) {
    let script = format!(
        "set -eu\n{LEAVING}\nset -- {ends}\nends=\"$*\"\n\
         control() {{ rc=${{ends%% *}}; ends=${{ends#* }}; return \"$rc\"; }}\n\
         says() {{ [ {open} = \"$1\" ]; }}\n\
         fail() {{ echo \"$1\"; exit 1; }}\n\
         have_forgotten rabbit@node1 short rabbit@node3"
    );
    let output = Command::new("sh").args(["-c", &script]).output().expect("sh runs");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Seen on 4.0.5 under a read-only /var: five minutes of waiting, and no word on why.
#[test]
fn a_node_without_its_database_is_not_waited_for() {
    let (ok, said) = forgotten("closed", "124 0");
    assert!(!ok && said.contains("rabbit@node1 runs without its database"), "{said}");
    // One that is merely slow, and one that does not tell.
    for open in ["open", "no-answer"] {
        assert_eq!(
            forgotten(open, "124 124 0"),
            (
                true,
                "rabbit@node1 has not answered for 100 s\nrabbit@node1 has not answered for 200 s\n".into()
            )
        );
        assert!(!forgotten(open, "124 124 137").0);
    }
    assert!(!forgotten("closed", "69").0 && forgotten("closed", "0").0);
}
