//! When a queue's mirrors count as synchronised, in a real shell with a node that is made up.

use std::process::Command;

const PRELUDE: &str = include_str!("steps/prelude.sh");
const QUEUES: &str = include_str!("steps/queues.sh");

/// The node says $1 until rabbitmqctl has ended, then $2 four times, then $3. Nobody sleeps.
const NODE: &str = r#"
sleep() { :; }
control() { echo 0 >"$dir/asked"; }
mirrors_of() {
  [ -e "$dir/asked" ] || { printf '%s\n' "$at_first"; return; }
  asked=$(($(cat "$dir/asked") + 1))
  echo "$asked" >"$dir/asked"
  if [ "$asked" -le 4 ]; then printf '%s\n' "$right_after"; else printf '%s\n' "$in_the_end"; fi
}
dir=$(mktemp -d) at_first=$1 right_after=$2 in_the_end=$3
trap 'rm -r "$dir"' EXIT
sync_queue rabbit@node1 short 60 queue / orders
"#;

/// What the step prints, and whether it went well.
fn synchronised(at_first: &str, right_after: &str, in_the_end: &str) -> (bool, String) {
    let script = format!("set -eu\nnonce=N\n{PRELUDE}\n{QUEUES}\n{NODE}");
    let output = Command::new("sh")
        .args(["-c", &script, "sh", at_first, right_after, in_the_end])
        .output()
        .expect("sh runs");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Each mirror notes by itself that it is in sync (rabbit_mirror_queue_slave), after the command has ended.
#[test]
fn a_mirror_may_note_a_moment_later_that_it_is_in_sync() {
    let (ok, said) = synchronised(
        "2 mirrors, 2 behind, running",
        "2 mirrors, 1 behind, running",
        "2 mirrors, 0 behind, running",
    );
    assert!(ok, "{said}");
}

#[test]
fn a_mirror_that_stays_behind_or_falls_away_is_a_failure() {
    for end in ["2 mirrors, 1 behind, running", "1 mirrors, 0 behind, running", ""] {
        let (ok, said) = synchronised("2 mirrors, 2 behind, running", end, end);
        assert!(!ok && said.contains("orders is not in sync"), "{end}: {said}");
        assert!(end.is_empty() || said.contains(&format!("now: {end}")), "{said}");
    }
}
